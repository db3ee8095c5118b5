// SPDX-License-Identifier: Apache-2.0
// Test fixture: a simulated machine with two driver sessions, our own and that of another program
// (the "stranger"), which acts at a moment chosen by the test. The clock is manual: waiting takes
// no time, and no test depends on timing.
#ifndef MIGCTL_APPLY_TEST_MACHINE_H_
#define MIGCTL_APPLY_TEST_MACHINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"

#include "apply/apply.h"
#include "apply/recover.h"
#include "base/clock.h"
#include "device/operations.h"
#include "nvml/session.h"
#include "store/journal.h"

namespace mig::apply {

// A recorder for tests: receives every call, and its function's result is the recorder's.
class Listener final : public Recorder {
 public:
  using Hear = std::function<Result<void>(const Call&)>;

  Result<void> begin(const Plan& plan, const Inventory& before) override;
  Result<void> before_call(const Call& call) override;
  Result<void> after_call(const Call& call, const Error* error) override;
  Result<void> finish(const ApplyResult& result) override;

  std::optional<std::int64_t> number() const override { return 7; }

  Hear before, after;
  std::vector<std::string> calls;  // the calls in order: "do create 1g.5gb on ..."
  bool begun = false;
  std::optional<Outcome> finished;
};

class ApplyMachineTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void make(const std::string& gpus, const std::vector<std::string>& more = {});
  // Runs `migctl sim inject lab ...`, or any other command; returns the exit code, or 128 + signal.
  void inject(const std::vector<std::string>& words);
  int migctl(const std::vector<std::string>& words) const;

  Inventory look() const;
  // Layout of a GPU as text: "MIG" and "0:4 3g.20gb[3g.20gb]" per instance, by placement; "MIG
  // off".
  std::string shape(std::uint32_t gpu = 0) const;
  std::string modes(std::uint32_t gpu = 0) const;  // "disabled/enabled": current/pending

  // Plan for exactly these instances ("3g.20gb:4", "1c.3g.20gb:0") on GPU 0.
  Plan plan_for(const std::vector<std::string>& instances, bool enabled = true) const;
  Context context(Recorder* recorder = nullptr);
  Result<ApplyResult> carry_out(const Plan& plan, Recorder* recorder = nullptr);
  void must_have(const std::vector<std::string>& instances);

  // Calls of another program (the "stranger"), on GPU 0.
  std::uint32_t stranger_creates(const std::string& instance, bool compute = true);
  void stranger_destroys(std::uint32_t gpu_instance, bool gpu_instance_too = true);
  void stranger_sets_mode(bool enabled);

  // A change as a crash leaves it: its steps in the journal, and attempts added by the test.
  store::Journal journal();
  std::int64_t open_change(store::Journal& into, const Plan& plan, const Inventory& before);
  Recovery must_recover();
  void reopen();  // reopens the session

  std::string root_;
  std::unique_ptr<nvml::Session> session_, stranger_;
  base::ManualClock clock_{std::chrono::hours(500'000)};
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_TEST_MACHINE_H_
