// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: does one step and finds out, by reading, what came of it.
#ifndef MIGCTL_APPLY_EXECUTOR_H_
#define MIGCTL_APPLY_EXECUTOR_H_

#include <map>
#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "apply/apply.h"
#include "apply/recorder.h"
#include "device/operations.h"

namespace mig::apply {

struct StepResult {
  bool effect = false;   // something changed: there is something to undo
  bool pending = false;  // a mode change that a reset or reboot completes
  std::optional<Error> failure;
  std::optional<Error> activation;  // why it is pending, in the driver's words
};

class Executor {
 public:
  // `before` is the machine as it was when the writer lock was got; it outlives the Executor.
  Executor(const Context& context, const Inventory& before) : context_(context), before_(before) {}

  // Fills in the ids that the driver gave, and the placement of a compute instance that goes.
  StepResult run(Step& step, std::size_t index, Direction direction);

  // A step that an earlier one did with it: recorded as done, no call is made.
  Result<void> pass_over(const Step& step, std::size_t index);

  // The modes and instances of the step's GPU. Passing trouble of a reading is read again.
  Result<device::LayoutReading> read(const Step& step);

 private:
  Result<device::LayoutReading> read(const Step& step, const device::LayoutScope& scope);
  device::LayoutScope scope_of(const Step& step) const;
  Result<const device::GpuHandle*> handle(const std::string& uuid);
  Result<void> prepare(Step& step, const device::LayoutReading& now);
  Result<void> nobody_uses(const Step& step, const device::LayoutReading& now) const;
  bool worth_another_try(const Step& step, int tries);
  Result<void> call(Step& step, StepResult& result);
  Result<void> change_mode(const Step& step, StepResult& result);
  Result<void> reset(const Step& step);
  Result<void> verify(Step& step);
  Result<void> judge(Step& step,
                     const device::LayoutReading& before,
                     Result<void> called,
                     StepResult& result);
  void forget(const Step& step);

  const Context& context_;
  const Inventory& before_;
  std::map<std::string, device::GpuHandle> handles_;
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_EXECUTOR_H_
