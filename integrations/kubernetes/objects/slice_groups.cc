// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/slice_groups.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace mig::kube {
namespace {

struct Unit {
  std::string gpu;
  std::size_t devices = 0;
};

struct Kind {
  std::string profile;
  // Share of the GPU's memory slices in thousandths, compute slices: small ones first.
  std::tuple<std::uint64_t, std::uint32_t> size;
  std::vector<Unit> units;
  std::size_t devices = 0;
};

std::vector<Kind> kinds_of(const Inventory& now) {
  constexpr std::uint64_t kThousand = 1000;
  std::vector<Kind> kinds;
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      if (profile.placements.empty()) {
        continue;
      }
      const std::string name = profile.name.str();
      auto found = std::find_if(
          kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.profile == name; });
      if (found == kinds.end()) {
        const std::uint64_t share =
            kThousand * profile.placements[0].size / std::max<std::uint32_t>(gpu.memory_slices, 1);
        found = kinds.insert(kinds.end(), {name, {share, profile.slices}, {}, 0});
      }
      found->units.push_back({gpu.uuid, profile.placements.size()});
      found->devices += profile.placements.size();
    }
  }
  std::sort(kinds.begin(), kinds.end(), [](const Kind& a, const Kind& b) {
    return std::tie(a.size, a.profile) < std::tie(b.size, b.profile);
  });
  return kinds;
}

}  // namespace

SliceGroups slice_groups_of(const Inventory& now, std::size_t most) {
  SliceGroups groups;
  groups.count = 1;
  std::size_t used = 0;
  std::size_t number = 0;
  for (const Kind& kind : kinds_of(now)) {
    if (used > 0 && used + kind.devices > most && kind.devices <= most) {
      ++groups.count;
      used = 0;
    }
    for (const Unit& unit : kind.units) {
      if (used > 0 && used + unit.devices > most) {
        ++groups.count;
        used = 0;
      }
      groups.of[{kind.profile, unit.gpu}] = {groups.count - 1, number};
      used += unit.devices;
    }
    ++number;
  }
  return groups;
}

}  // namespace mig::kube
