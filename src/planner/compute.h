// SPDX-License-Identifier: Apache-2.0
// What must change inside one GPU instance so that it holds the wanted compute instances: exact
// over placements where the driver tells them, else by counts.
#ifndef MIGCTL_PLANNER_COMPUTE_H_
#define MIGCTL_PLANNER_COMPUTE_H_

#include <optional>
#include <vector>

#include "mig/inventory.h"

namespace mig::planner {

// One compute instance wanted; `placement` nullopt = wherever it fits.
struct WantedCompute {
  ProfileName name;
  std::optional<Placement> placement;

  friend auto operator<=>(const WantedCompute&, const WantedCompute&) = default;
};

struct ComputeChange {
  std::vector<const ComputeInstance*> destroyed;

  struct Created {
    const ComputeInstanceProfile* profile = nullptr;
    std::optional<Placement> placement;  // nullopt = the driver's choice
  };

  std::vector<Created> created;
  std::size_t busy_destroyed = 0;

  bool empty() const { return destroyed.empty() && created.empty(); }
};

// Busy: a process is, or may be, on it.
bool is_busy(const Gpu& gpu, const GpuInstance& instance);
bool is_busy(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// `existing` may be nullptr (the GPU instance is to be created). Every name of `wanted` must be a
// compute profile of `profile`. Fewest busy, then fewest destroyed; nullopt = they do not fit, or
// not at the places given.
std::optional<ComputeChange> compute_change(const Gpu& gpu,
                                            const GpuInstanceProfile& profile,
                                            const std::vector<WantedCompute>& wanted,
                                            const GpuInstance* existing);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_COMPUTE_H_
