// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: finds a step's object in a reading, the processes that block the step, and
// whether its effect is there. Pure functions.
#ifndef MIGCTL_APPLY_STEP_CHECKS_H_
#define MIGCTL_APPLY_STEP_CHECKS_H_

#include "mig/plan.h"
#include "mig/result.h"

#include "device/operations.h"

namespace mig::apply {

bool is_mode_step(StepKind kind);
bool is_create(StepKind kind);

// The step's GPU instance: by id when known, else by placement and profile.
const GpuInstance* find_gpu_instance(const device::LayoutReading& now, const Step& step);
const ComputeInstance* find_compute_instance(const GpuInstance& in, const Step& step);

// Compares name and, where both are known, placement: ids are reused.
bool is_compute_of(const ComputeInstance& compute, const Step& step);

// kInUse, naming the processes that the step would stop. `resetless`: the GPU changes its mode
// without a reset, which a display survives.
Result<void> check_holders(const device::LayoutReading& now,
                           const Step& step,
                           bool resetless = false);

// True when the reading shows the step's effect.
bool holds(const device::LayoutReading& now, const Step& step);

// True when the reading shows no effect of the step on `was`, the GPU before it: the created
// instance is gone, the destroyed one is at its placement, the modes are as before (layout_diff.h:
// modes_kept).
bool taken_back(const device::LayoutReading& now, const Gpu& was, const Step& step);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_STEP_CHECKS_H_
