// SPDX-License-Identifier: Apache-2.0
#include "node/slot_creation.h"

#include <utility>

#include <fmt/format.h>

#include "model/compute_names.h"
#include "model/slots.h"

namespace mig::node {

Result<Node::CreateRequest> slot_request(const SlotView& slot, const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(const ProfileName name, ProfileName::parse(slot.row.profile));
  const Gpu* gpu = slot.gpu ? now.find_gpu(*slot.gpu) : nullptr;
  if (gpu == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("the GPU of slot {} is not here", slot.row.name));
  }
  DesiredInstance wanted;
  wanted.profile = name.gpu_instance();
  wanted.compute_instances = {name};
  wanted.placement = Placement{static_cast<std::uint32_t>(slot.row.start),
                               static_cast<std::uint32_t>(slot.row.size)};
  if (slot.row.ci_start) {
    const GpuInstanceProfile* profile = gpu->find_profile(wanted.profile);
    const ComputeInstanceProfile* compute =
        profile != nullptr ? find_compute_profile(*profile, name) : nullptr;
    const auto at = compute != nullptr
                        ? compute_placement_at(
                              *profile, *compute, static_cast<std::uint32_t>(*slot.row.ci_start))
                        : std::nullopt;
    if (at) {
      wanted.compute_placements = {*at};
    }
    if (wanted.compute_placements.empty()) {
      return fail(ErrorCode::kNoCapacity,
                  fmt::format("a compute instance {} cannot start at {} (slot {})",
                              name.str(),
                              *slot.row.ci_start,
                              slot.row.name),
                  "migctl profiles shows where it may");
    }
  }
  return Node::CreateRequest{gpu->index, {std::move(wanted)}, {}};
}

}  // namespace mig::node
