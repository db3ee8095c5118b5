// SPDX-License-Identifier: Apache-2.0
// The cheapest change of one GPU instance's compute instances to the wanted ones: exact over
// placements where the driver reports them, else by counts.
#ifndef MIGCTL_PLANNER_COMPUTE_H_
#define MIGCTL_PLANNER_COMPUTE_H_

#include <optional>
#include <vector>

#include "mig/inventory.h"

namespace mig::planner {

// A wanted compute instance; `placement` nullopt = any.
struct WantedCompute {
  ProfileName name;
  std::optional<Placement> placement;

  friend auto operator<=>(const WantedCompute&, const WantedCompute&) = default;
};

struct ComputeChange {
  std::vector<const ComputeInstance*> destroyed;

  struct Created {
    const ComputeInstanceProfile* profile = nullptr;
    std::optional<Placement> placement;  // nullopt = the driver chooses
  };

  std::vector<Created> created;
  std::size_t busy_destroyed = 0;

  bool empty() const { return destroyed.empty() && created.empty(); }
};

// Busy: a process runs on the instance, or may (the driver does not say which instance).
bool is_busy(const Gpu& gpu, const GpuInstance& instance);
bool is_busy(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// Cheapest change that reaches `wanted` in the GPU instance `existing` (nullptr: to be created):
// fewest busy, then fewest compute instances destroyed. Every name of `wanted` must be a compute
// profile of `profile`. nullopt = they do not fit, or not at the given placements.
std::optional<ComputeChange> compute_change(const Gpu& gpu,
                                            const GpuInstanceProfile& profile,
                                            const std::vector<WantedCompute>& wanted,
                                            const GpuInstance* existing);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_COMPUTE_H_
