// SPDX-License-Identifier: Apache-2.0
#include "compose/past.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig::compose {
namespace {

const PastInstance* find_in(const PastLayout& layout, const std::string& uuid) {
  const auto at = std::find_if(layout.instances.begin(),
                               layout.instances.end(),
                               [&](const PastInstance& one) { return one.uuid == uuid; });
  return at == layout.instances.end() ? nullptr : &*at;
}

bool covers(const PastLayout& layout, const std::string& gpu_uuid) {
  return std::find(layout.gpus.begin(), layout.gpus.end(), gpu_uuid) != layout.gpus.end();
}

}  // namespace

std::optional<Gone> find_gone(const std::vector<PastChange>& past, const std::string& uuid) {
  for (const PastChange& change : past) {
    // There after the newest change that knows it: it went by none of migctl's.
    if (const PastInstance* after = change.after ? find_in(*change.after, uuid) : nullptr) {
      return Gone{*after, nullptr};
    }
    if (const PastInstance* before = find_in(change.before, uuid)) {
      return Gone{*before, change.after ? &change : nullptr};
    }
  }
  return std::nullopt;
}

std::optional<PastInstance> meant_at(const std::vector<PastChange>& past,
                                     std::int64_t ms,
                                     const std::string& gpu_uuid,
                                     const std::string& uuid,
                                     std::optional<std::uint32_t> device_index) {
  const PastChange* first = nullptr;
  for (const PastChange& change : past) {
    if (change.started_ms < ms) {
      break;
    }
    if (covers(change.before, gpu_uuid)) {
      first = &change;
    }
  }
  if (first == nullptr) {
    return std::nullopt;
  }
  for (const PastInstance& one : first->before.instances) {
    if (one.gpu_uuid == gpu_uuid && !one.uuid.empty() &&
        (device_index ? one.device_index == device_index : one.uuid == uuid)) {
      return one;
    }
  }
  return std::nullopt;
}

std::optional<Placed> at_place_of(const PastInstance& was, const Inventory& now) {
  for (Placed& one : placed_instances(now)) {
    const bool inside = was.profile.full_size() || !was.compute_placement ||
                        one.compute_placement == was.compute_placement;
    if (one.instance.gpu_uuid == was.gpu_uuid && one.placement == was.placement && inside &&
        one.instance.profile == was.profile) {
      return std::move(one);
    }
  }
  return std::nullopt;
}

std::string text_of(const PastInstance& was) {
  return fmt::format("{} on GPU {} at {}:{}{}",
                     was.profile.str(),
                     was.gpu.value,
                     was.placement.start,
                     was.placement.size,
                     was.compute_placement && !was.profile.full_size()
                         ? fmt::format("/{}", was.compute_placement->start)
                         : std::string());
}

}  // namespace mig::compose
