// SPDX-License-Identifier: Apache-2.0
// Records a change in the journal as a write-ahead log: the whole plan and the layout before it,
// then the intent of each driver call before the call and its result after it.
#ifndef MIGCTL_APPLY_JOURNAL_RECORDER_H_
#define MIGCTL_APPLY_JOURNAL_RECORDER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/plan.h"
#include "mig/result.h"

#include "apply/apply.h"
#include "apply/recorder.h"
#include "base/file_lock.h"
#include "store/journal.h"

namespace mig::apply {

class JournalRecorder final : public Recorder {
 public:
  // Opens the journal at `path` when the change begins: a user without permission, or a change
  // without steps, needs none.
  JournalRecorder(std::string path, ChangeOrigin origin)
      : path_(std::move(path)), origin_(std::move(origin)) {}

  // Resumes a change that a crash left open: attempts are added to it, no new change begins.
  JournalRecorder(store::Journal& journal, std::int64_t change)
      : journal_(&journal), change_(change), resumed_(true) {}

  Result<void> begin(const Plan& plan, const Inventory& before) override;
  Result<void> before_call(const Call& call) override;
  Result<void> after_call(const Call& call, const Error* error) override;
  Result<void> finish(const ApplyResult& result) override;

  std::optional<std::int64_t> number() const override { return change_; }

 private:
  std::optional<store::Journal> own_;
  store::Journal* journal_ = nullptr;
  std::optional<base::FileLock> lock_;  // held while the change runs, for being_carried_out()
  std::string path_;
  ChangeOrigin origin_;
  std::chrono::nanoseconds last_{0};  // time at which the previous call was recorded
  std::int64_t change_ = 0;
  std::int64_t attempt_ = 0;
  bool resumed_ = false;
  std::vector<std::string> uuids_;
};

// Conversion between the journal's rows and steps. step_of(): kInternal for an invalid row.
store::StepRow row_of(const Step& step, std::int64_t sequence);
Result<Step> step_of(const store::StepRow& row);

// A change with the result of each step's last driver call.
Result<ChangeDetails> details_of(const store::ChangeRow& change,
                                 const std::vector<store::StepRow>& steps,
                                 const std::vector<store::AttemptRow>& attempts);

// Name of a step kind in the journal, and back; "" and nullopt: unknown.
const char* kind_name(StepKind kind);
std::optional<StepKind> kind_of(std::string_view name);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_JOURNAL_RECORDER_H_
