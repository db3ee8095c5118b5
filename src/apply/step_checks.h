// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: what a step is about in a reading, who is in its way, and whether it is done.
// Pure functions.
#ifndef MIGCTL_APPLY_STEP_CHECKS_H_
#define MIGCTL_APPLY_STEP_CHECKS_H_

#include "mig/plan.h"
#include "mig/result.h"

#include "device/operations.h"

namespace mig::apply {

bool is_mode_step(StepKind kind);
bool is_create(StepKind kind);

// The GPU instance the step is about: by id when known, else by placement and profile.
const GpuInstance* find_gpu_instance(const device::LayoutReading& now, const Step& step);
const ComputeInstance* find_compute_instance(const GpuInstance& in, const Step& step);

// By name and, as far as both are known, by place: not another one of the same id.
bool is_compute_of(const ComputeInstance& compute, const Step& step);

// kInUse, naming the processes that the step would hurt. `resetless`: the GPU changes its mode
// without a reset, and a display does not mind.
Result<void> check_holders(const device::LayoutReading& now,
                           const Step& step,
                           bool resetless = false);

// The reading shows what the step was to bring about.
bool holds(const device::LayoutReading& now, const Step& step);

// The reading shows nothing any more of what the step did to `was`, its GPU before: what it made is
// gone, what it took is at its place, the modes are those of before (layout_diff.h: modes_kept).
bool taken_back(const device::LayoutReading& now, const Gpu& was, const Step& step);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_STEP_CHECKS_H_
