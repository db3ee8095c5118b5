// SPDX-License-Identifier: Apache-2.0
// Counts every state that creations and destructions reach. The expected numbers come from an
// independent enumeration of placements.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "abi/nvml.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

using Key = std::array<std::uint8_t, kMaxGis>;  // profile + 1 of each GPU instance id, 0 = free

Key key_of(const GpuState& gpu) {
  Key key{};
  for (std::uint32_t id = 0; id < kMaxGis; ++id) {
    if (gpu.gis[id].used != 0) {
      key[id] = static_cast<std::uint8_t>(gpu.gis[id].profile_index + 1);
    }
  }
  return key;
}

struct Census {
  std::size_t states = 0, maximal = 0, multisets = 0;
};

// Breadth-first search from the empty GPU. Each creation is undone through destroy_gi, which must
// lead back to the previous state.
Census explore(const char* board, const std::vector<std::uint32_t>& profiles) {
  Rig rig({board});
  const GpuRef gpu = rig.gpu();
  std::map<Key, GpuState> seen{{key_of(gpu.self()), gpu.self()}};
  std::deque<Key> open{seen.begin()->first};
  std::set<std::vector<std::uint8_t>> multisets;
  Census census;
  while (!open.empty()) {
    const Key from = open.front();
    open.pop_front();
    gpu.self() = seen.at(from);
    EXPECT_EQ(rig.broken(), nullptr);
    std::vector<std::uint8_t> multiset(from.begin(), from.end());
    std::sort(multiset.begin(), multiset.end());
    multisets.insert(multiset);
    bool grew = false;
    for (const std::uint32_t id : profiles) {
      const GiProfile& profile = rig.profile(id);
      for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
        std::uint32_t gi = kNone;
        if (create_gi(gpu, profile, profile.placements[i], gi) != NVML_SUCCESS) {
          continue;
        }
        grew = true;
        const Key to = key_of(gpu.self());
        if (seen.emplace(to, gpu.self()).second) {
          open.push_back(to);
        }
        EXPECT_EQ(destroy_gi(gpu, gi), NVML_SUCCESS);
        EXPECT_EQ(key_of(gpu.self()), from);
      }
    }
    census.maximal += grew ? 0 : 1;
  }
  census.states = seen.size();
  census.multisets = multisets.size();
  return census;
}

void expect_census(const Census& census,
                   std::size_t states,
                   std::size_t maximal,
                   std::size_t multisets) {
  EXPECT_EQ(census.states, states);
  EXPECT_EQ(census.maximal, maximal);
  EXPECT_EQ(census.multisets, multisets);
}

TEST(States, A100FiveProfiles) {
  expect_census(explore("a100-sxm4-40gb", {19, 14, 9, 5, 0}), 298, 19, 38);
}

TEST(States, A100WithDoubleMemory) {
  expect_census(explore("a100-sxm4-40gb", {19, 15, 14, 9, 5, 0}), 723, 78, 78);
}

TEST(States, A100WithMediaExtension) {
  expect_census(explore("a100-sxm4-40gb", {19, 20, 15, 14, 9, 5, 0}), 2319, 239, 128);
}

TEST(States, H200HasTheSameStates) {
  expect_census(explore("h200-141gb", {19, 20, 15, 14, 9, 5, 0}), 2319, 239, 128);
}

TEST(States, A30) {
  expect_census(explore("a30-24gb", {14, 5, 0}), 26, 5, 10);
}

TEST(States, A30WithMediaExtension) {
  expect_census(explore("a30-24gb", {14, 21, 5, 6, 0}), 76, 17, 20);
}

}  // namespace
}  // namespace migsim
