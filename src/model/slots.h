// SPDX-License-Identifier: Apache-2.0
// Exact placing of runs in at most 64 slots: compute instances inside a GPU instance, and the like.
#ifndef MIGCTL_MODEL_SLOTS_H_
#define MIGCTL_MODEL_SLOTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "mig/profile.h"

namespace mig {

// Bit i = slot i. Slots beyond 63 are lost: no GPU has them.
std::uint64_t slot_mask(Placement placement);

// One of its options for each item so that nothing overlaps, earlier options preferred; nullopt =
// there is no way. `taken` = slots that are not free.
std::optional<std::vector<Placement>> place_runs(const std::vector<std::vector<Placement>>& options,
                                                 std::uint64_t taken = 0);

// Whether compute instances of these profiles, all of `owner`'s, can live together: by their
// placements where the driver tells them all, else by slices, spans and maximum counts.
bool compute_instances_fit(const std::vector<const ComputeInstanceProfile*>& wanted,
                           const GpuInstanceProfile& owner);

// Where a compute instance of this profile lies that starts there. A driver tells the places only
// of GPU instances that exist: where it has told none, as many slots as it takes. nullopt = it
// cannot.
std::optional<Placement> compute_placement_at(const GpuInstanceProfile& profile,
                                              const ComputeInstanceProfile& compute,
                                              std::uint32_t start);

}  // namespace mig

#endif  // MIGCTL_MODEL_SLOTS_H_
