// SPDX-License-Identifier: Apache-2.0
#include "planner/most_room.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/board.h"

namespace mig::planner {
namespace {

TEST(MostRoom, AnEmptyGpuCanBeFilled) {
  const Gpu gpu = testing::board("h200_141gb");
  const MostRoom most = most_room(gpu);
  EXPECT_EQ(most.slices, 7U);
  EXPECT_EQ(most.memory_slices, 8U);
  EXPECT_EQ(most.sm, 132U);
}

TEST(MostRoom, SevenOnesLeaveNothingThatAnythingCouldTake) {
  Gpu gpu = testing::board("h200_141gb");
  for (std::uint32_t i = 0; i < 7; ++i) {
    testing::add_instance(gpu, "1g.18gb", i);
  }
  const MostRoom most = most_room(gpu);
  EXPECT_EQ(most.slices + most.memory_slices + most.sm + most.dominant, 0U);
}

TEST(MostRoom, ThreeAndTwoAndOneLeaveOne) {
  Gpu gpu = testing::board("h200_141gb");
  testing::add_instance(gpu, "2g.35gb", 0);
  testing::add_instance(gpu, "1g.18gb", 2);
  testing::add_instance(gpu, "3g.71gb", 4);
  const MostRoom most = most_room(gpu);
  EXPECT_EQ(most.slices, 1U);
  EXPECT_EQ(most.memory_slices, 1U);
  EXPECT_EQ(most.sm, 16U);
  EXPECT_EQ(most.dominant, 8U) << "1/7 is more than 1/8, in 56ths";
}

// Every board, every layout of up to three instances: what all_states() says, an independent way.
TEST(MostRoom, IsTheBestOfAllLayoutsThatKeepWhatIsThere) {
  for (const std::string& key : {std::string("a100_sxm4_40gb"), std::string("a30_24gb")}) {
    const Gpu empty = testing::board(key);
    const Board board(empty);
    const auto states = all_states(board);
    int tried = 0;
    for (std::size_t s = 0; s < states.size(); s += 1 + states.size() / 150) {
      Gpu gpu = empty;
      std::uint32_t id = 1;
      for (const Placed& one : states[s]) {
        GpuInstance instance;
        instance.id = {id++};
        instance.name = empty.profiles[one.profile].name;
        instance.placement = one.placement;
        gpu.instances.push_back(instance);
      }
      MostRoom best;
      for (const Layout& other : states) {
        const bool keeps = std::all_of(states[s].begin(), states[s].end(), [&](const Placed& one) {
          return std::find(other.begin(), other.end(), one) != other.end();
        });
        if (!keeps) {
          continue;
        }
        MostRoom more;
        for (const Placed& one : other) {
          const bool there = std::find(states[s].begin(), states[s].end(), one) != states[s].end();
          if (!there) {
            more.slices += empty.profiles[one.profile].slices;
            more.memory_slices += one.placement.size;
            more.sm += empty.profiles[one.profile].sm;
          }
        }
        best.slices = std::max(best.slices, more.slices);
        best.memory_slices = std::max(best.memory_slices, more.memory_slices);
        best.sm = std::max(best.sm, more.sm);
      }
      const MostRoom got = most_room(gpu);
      EXPECT_EQ(got.slices, best.slices) << key << " " << s;
      EXPECT_EQ(got.memory_slices, best.memory_slices) << key << " " << s;
      EXPECT_EQ(got.sm, best.sm) << key << " " << s;
      ++tried;
    }
    EXPECT_GT(tried, 50) << key;
  }
}

}  // namespace
}  // namespace mig::planner
