// SPDX-License-Identifier: Apache-2.0
#include "model/slots.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

TEST(SlotMask, Runs) {
  EXPECT_EQ(slot_mask({0, 4}), 0x0FU);
  EXPECT_EQ(slot_mask({4, 4}), 0xF0U);
  EXPECT_EQ(slot_mask({6, 1}), 0x40U);
  EXPECT_EQ(slot_mask({3, 0}), 0U);
  EXPECT_EQ(slot_mask({0, 64}), ~std::uint64_t{0});
  EXPECT_EQ(slot_mask({64, 1}), 0U);
  EXPECT_EQ(slot_mask({60, 0xFFFFFFFF}), std::uint64_t{0xF} << 60);
}

TEST(PlaceRuns, BacktracksAndPrefersEarlierOptions) {
  const std::vector<Placement> three = {{0, 4}, {4, 4}};
  const std::vector<Placement> two = {{0, 2}, {2, 2}, {4, 2}};
  const auto both = place_runs({two, three});
  ASSERT_TRUE(both);
  EXPECT_EQ((*both)[0], (Placement{0, 2}));
  EXPECT_EQ((*both)[1], (Placement{4, 4}));
  EXPECT_FALSE(place_runs({three, three, two}));
  EXPECT_FALSE(place_runs({three}, 0x11));
  EXPECT_TRUE(place_runs({}));
  EXPECT_FALSE(place_runs({{}})) << "an item without a legal place";
}

GpuInstanceProfile holder(std::uint32_t slices, std::uint32_t slots = 8) {
  GpuInstanceProfile profile;
  profile.slices = slices;
  profile.placements = {{0, slots}};
  return profile;
}

TEST(ComputeInstancesFit, ByPlacementElseBySlices) {
  ComputeInstanceProfile one{0, {}, 1, 3, {}, {{0, 1}, {1, 1}, {2, 1}}};
  ComputeInstanceProfile two{1, {}, 2, 1, {}, {{0, 2}}};
  EXPECT_TRUE(compute_instances_fit({&two, &one}, holder(3)));
  EXPECT_FALSE(compute_instances_fit({&two, &one, &one}, holder(3)));
  EXPECT_FALSE(compute_instances_fit({&two, &two}, holder(7))) << "max_count is 1";
  one.max_count = 2;
  EXPECT_TRUE(compute_instances_fit({&one, &one}, holder(7)));
  EXPECT_FALSE(compute_instances_fit({&one, &one, &one}, holder(7)))
      << "there is a place for each, but max_count is 2";
  two.max_count = 2;
  EXPECT_FALSE(compute_instances_fit({&two, &two}, holder(7))) << "one place for two";
  two.placements.clear();
  EXPECT_TRUE(compute_instances_fit({&two, &two}, holder(7))) << "not told: the slices count";
}

// H100: one slice as profile 7 takes two slots, so nothing fits beside it in a 2g although one
// slice is left.
TEST(ComputeInstancesFit, BySpansWherePlacementsAreNotTold) {
  const ComputeInstanceProfile plain{0, {}, 1, 7, 16, {}, 1};
  const ComputeInstanceProfile larger{7, {}, 1, 4, 26, {}, 2};
  const ComputeInstanceProfile three{2, {}, 3, 2, 60, {}, 4};
  EXPECT_TRUE(compute_instances_fit({&plain, &plain}, holder(2, 2)));
  EXPECT_FALSE(compute_instances_fit({&plain, &larger}, holder(2, 2)));
  EXPECT_TRUE(compute_instances_fit({&three, &three}, holder(7)));
  EXPECT_FALSE(compute_instances_fit({&three, &three, &plain}, holder(7)));
  GpuInstanceProfile untold = holder(2, 2);
  untold.placements.clear();
  EXPECT_TRUE(compute_instances_fit({&plain, &larger}, untold)) << "no size told, none counted";
}

}  // namespace
}  // namespace mig
