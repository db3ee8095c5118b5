// SPDX-License-Identifier: Apache-2.0
#include "model/slots.h"

#include <algorithm>

namespace mig {
namespace {

bool place_from(const std::vector<std::vector<Placement>>& options,
                std::size_t item,
                std::uint64_t taken,
                std::vector<Placement>& chosen) {
  if (item == options.size()) {
    return true;
  }
  for (const Placement option : options[item]) {
    const std::uint64_t mask = slot_mask(option);
    if (mask == 0 || (mask & taken) != 0) {
      continue;
    }
    chosen[item] = option;
    if (place_from(options, item + 1, taken | mask, chosen)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::uint64_t slot_mask(Placement placement) {
  constexpr std::uint32_t kSlots = 64;
  if (placement.start >= kSlots || placement.size == 0) {
    return 0;
  }
  const std::uint32_t size = std::min(placement.size, kSlots - placement.start);
  const std::uint64_t run = size == kSlots ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
  return run << placement.start;
}

std::optional<std::vector<Placement>> place_runs(const std::vector<std::vector<Placement>>& options,
                                                 std::uint64_t taken) {
  constexpr std::size_t kSlots = 64;
  std::vector<Placement> chosen(options.size());
  if (options.size() > kSlots || !place_from(options, 0, taken, chosen)) {
    return std::nullopt;
  }
  return chosen;
}

bool compute_instances_fit(const std::vector<const ComputeInstanceProfile*>& wanted,
                           const GpuInstanceProfile& owner) {
  std::uint32_t slices = 0;
  std::uint32_t spans = 0;
  std::vector<std::vector<Placement>> options;
  for (const ComputeInstanceProfile* profile : wanted) {
    const auto same = std::count(wanted.begin(), wanted.end(), profile);
    if (same > static_cast<std::ptrdiff_t>(profile->max_count)) {
      return false;
    }
    slices += profile->slices;
    spans += profile->span;
    if (!profile->placements.empty()) {
      options.push_back(profile->placements);
    }
  }
  // A compute instance has as many slots as its GPU instance would have memory slices.
  const std::uint32_t room = owner.placements.empty() ? spans : owner.placements.front().size;
  return slices <= owner.slices && spans <= room &&
         (options.size() < wanted.size() || place_runs(options).has_value());
}

std::optional<Placement> compute_placement_at(const GpuInstanceProfile& profile,
                                              const ComputeInstanceProfile& compute,
                                              std::uint32_t start) {
  for (const Placement at : compute.placements) {
    if (at.start == start) {
      return at;
    }
  }
  const std::uint32_t size = compute.span > 0 ? compute.span : compute.slices;
  const std::uint32_t room =
      profile.placements.empty() ? profile.slices : profile.placements.front().size;
  const bool inside = size <= room && start <= room - size;
  return compute.placements.empty() && inside ? std::optional(Placement{start, size})
                                              : std::nullopt;
}

}  // namespace mig
