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

TEST(ComputeInstancesFit, ByPlacementElseBySlices) {
  ComputeInstanceProfile one{0, {}, 1, 3, {}, {{0, 1}, {1, 1}, {2, 1}}};
  ComputeInstanceProfile two{1, {}, 2, 1, {}, {{0, 2}}};
  EXPECT_TRUE(compute_instances_fit({&two, &one}, 3));
  EXPECT_FALSE(compute_instances_fit({&two, &one, &one}, 3));
  EXPECT_FALSE(compute_instances_fit({&two, &two}, 7)) << "max_count is 1";
  two.max_count = 2;
  EXPECT_FALSE(compute_instances_fit({&two, &two}, 7)) << "one place for two";
  two.placements.clear();
  EXPECT_TRUE(compute_instances_fit({&two, &two}, 7)) << "not told: the slices count";
}

}  // namespace
}  // namespace mig
