// SPDX-License-Identifier: Apache-2.0
// Interface of the journal and of after-change listeners: receives the events of a change before
// and after every driver call that changes the machine, in order, rollback included.
#ifndef MIGCTL_APPLY_RECORDER_H_
#define MIGCTL_APPLY_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "model/change_record.h"

namespace mig::apply {

using mig::ApplyResult;

enum class Direction { kDo, kUndo };

struct Call {
  const Step& step;       // as executed: for kUndo the reversed step; ids as far as known
  std::size_t index = 0;  // index of the planned step
  Direction direction = Direction::kDo;
};

class Recorder {
 public:
  virtual ~Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Called under the writer lock, before the first driver call. An error stops the change: nothing
  // was done.
  virtual Result<void> begin(const Plan& plan, const Inventory& before) = 0;
  // An error prevents a call of Direction::kDo and rolls back the executed steps; an undo is called
  // all the same.
  virtual Result<void> before_call(const Call& call) = 0;
  // `error` nullptr: executed and read back; the step has the driver's ids. An error returned here
  // counts as a failure of the step, whose effect is then undone (kDo).
  virtual Result<void> after_call(const Call& call, const Error* error) = 0;
  // Called at the end, also after a rollback. An error is reported with the result.
  virtual Result<void> finish(const ApplyResult& result) = 0;

  // Id of the change for the user; nullopt = none.
  virtual std::optional<std::int64_t> number() const { return std::nullopt; }

 protected:
  Recorder() = default;
};

// Composite of several recorders, in order; the first is the journal. An error of one keeps the
// event from later ones, except finish(), which every recorder receives; the first error is
// returned.
class Recorders final : public Recorder {
 public:
  // The recorders must outlive the list.
  explicit Recorders(std::vector<Recorder*> all) : all_(std::move(all)) {}

  Result<void> begin(const Plan& plan, const Inventory& before) override;
  Result<void> before_call(const Call& call) override;
  Result<void> after_call(const Call& call, const Error* error) override;
  Result<void> finish(const ApplyResult& result) override;
  std::optional<std::int64_t> number() const override;

 private:
  std::vector<Recorder*> all_;
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RECORDER_H_
