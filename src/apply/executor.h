// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: executes one step and verifies its effect by reading back.
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
  bool effect = false;   // the machine changed: there is something to undo
  bool pending = false;  // a mode change that needs a reset or reboot to take effect
  std::optional<Error> failure;
  std::optional<Error> activation;  // why the mode is pending, as an error of the driver
};

class Executor {
 public:
  // `before` is the machine when the writer lock was taken; must outlive the Executor.
  Executor(const Context& context, const Inventory& before) : context_(context), before_(before) {}

  // Executes a step; fills in the ids that the driver assigned, and the placement of a destroyed
  // compute instance.
  StepResult run(Step& step, std::size_t index, Direction direction);

  // Records a step as done without a call, because an earlier step had its effect.
  Result<void> pass_over(const Step& step, std::size_t index);

  // Reads modes and instances of the step's GPU, retrying transient failures.
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
