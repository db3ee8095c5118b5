// SPDX-License-Identifier: Apache-2.0
#include "node/slot_creation.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "model/compute_names.h"
#include "model/slots.h"
#include "node/create_now.h"

namespace mig::node {
namespace {

using namespace std::chrono_literals;

// Patience with concurrent writers.
constexpr auto kOthers = 15s;
constexpr auto kBetweenTries = 50ms;

Result<SlotView> find(Node& node, const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> all, node.slots());
  const auto it = std::find_if(
      all.begin(), all.end(), [&](const SlotView& view) { return view.row.name == name; });
  if (it != all.end()) {
    return *it;
  }
  return node.resolve_slot(name);  // says that there is none
}

Result<void> make_once(Node& node, const SlotView& slot) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const Node::CreateRequest request, slot_request(slot, now));
  return create_now(node, request, "slot " + slot.row.name);
}

}  // namespace

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

Result<SlotView> make_slot(Node& node, const std::string& name) {
  base::Clock& clock = base::system_clock();
  const auto deadline = clock.monotonic() + kOthers;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const SlotView slot, find(node, name));
    const bool could = slot.in_the_way.empty() &&
                       (slot.state == SlotState::kEmpty || slot.state == SlotState::kTaken);
    if (!could) {
      return node.resolve_slot(name);
    }
    auto made = make_once(node, slot);
    if (made) {
      return node.resolve_slot(name);
    }
    if (made.error().code != ErrorCode::kConflict || clock.monotonic() >= deadline) {
      return std::move(made).error().in(fmt::format("cannot make slot {}", name));
    }
    clock.sleep(kBetweenTries);
  }
}

}  // namespace mig::node
