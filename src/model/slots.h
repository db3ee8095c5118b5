// SPDX-License-Identifier: Apache-2.0
// Exact placement of runs of slots (at most 64): compute instances inside a GPU instance, and
// similar.
#ifndef MIGCTL_MODEL_SLOTS_H_
#define MIGCTL_MODEL_SLOTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "mig/profile.h"

namespace mig {

// Bit i = slot i. Slots beyond 63 are dropped: no GPU has them.
std::uint64_t slot_mask(Placement placement);

// Chooses one option per item without overlap, earlier options preferred; nullopt = impossible.
// `taken` = occupied slots.
std::optional<std::vector<Placement>> place_runs(const std::vector<std::vector<Placement>>& options,
                                                 std::uint64_t taken = 0);

// True when compute instances of these profiles, all of `owner`'s, fit together: by placements
// where the driver reports all of them, else by slices, spans and maximum counts.
bool compute_instances_fit(const std::vector<const ComputeInstanceProfile*>& wanted,
                           const GpuInstanceProfile& owner);

// Placement of a compute instance of this profile that begins at `start`. A driver reports
// placements only for existing GPU instances: without a report the span gives the size. nullopt =
// illegal start.
std::optional<Placement> compute_placement_at(const GpuInstanceProfile& profile,
                                              const ComputeInstanceProfile& compute,
                                              std::uint32_t start);

}  // namespace mig

#endif  // MIGCTL_MODEL_SLOTS_H_
