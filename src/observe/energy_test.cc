// SPDX-License-Identifier: Apache-2.0
#include "observe/energy.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace mig::observe {
namespace {

using namespace std::chrono_literals;

InstanceLoad load(std::uint64_t generation, double sm_share, double sm, double dram) {
  return {generation, sm_share, sm_share, sm, dram, true};
}

std::uint64_t sum_of(const BoardEnergy::State& state) {
  std::uint64_t sum = state.unattributed_mj + state.gone_mj;
  for (const auto& [generation, mj] : state.instances_mj) {
    sum += mj;
  }
  return sum;
}

// A board whose idle floor of 100 W is known, with its counter at 1 MJ.
BoardEnergy idle_board() {
  BoardEnergy board;
  board.read(999'900'000, std::nullopt);
  board.add({}, 1s);
  board.read(1'000'000'000, 1s);
  return board;
}

TEST(Energy, WhatWasUsedBeforeTheFirstReadingIsNobodys) {
  BoardEnergy board;
  EXPECT_FALSE(board.counted());
  board.add({load(1, 1, 1, 1)}, 10s);
  board.read(5'000'000, std::nullopt);
  EXPECT_EQ(board.state().unattributed_mj, 5'000'000U);
  EXPECT_EQ(board.of_instance(1), 0U);
  EXPECT_TRUE(board.parts_of(100, {load(1, 1, 1, 1)}).empty()) << "no idle floor is known";
}

TEST(Energy, TheFloorGoesBySmsAndTheRestToWhoeverWorks) {
  BoardEnergy board = idle_board();
  // Half of the SMs work, a quarter is idle, a quarter is no instance's: 300 W, 200 of them active.
  board.add({load(1, 0.5, 0.9, 0.3), load(2, 0.25, 0, 0)}, 10s);
  board.read(1'003'000'000, 10s);
  EXPECT_EQ(board.of_instance(1), 500'000U + 2'000'000U);
  EXPECT_EQ(board.of_instance(2), 250'000U);
  EXPECT_STREQ(board.method(), kBySmAndDram);
  EXPECT_EQ(sum_of(board.state()), board.state().total_mj);
}

TEST(Energy, PowerIsSplitAsEnergyIs) {
  const BoardEnergy board = idle_board();
  const auto parts = board.parts_of(300, {load(1, 0.5, 0.9, 0.3), load(2, 0.25, 0, 0)});
  EXPECT_NEAR(parts.at(1), 250, 1e-9);
  EXPECT_NEAR(parts.at(2), 25, 1e-9);
  const auto less = board.parts_of(60, {load(1, 0.5, 0.9, 0.3)});
  EXPECT_NEAR(less.at(1), 30, 1e-9) << "less than the floor: nothing is above it";
}

TEST(Energy, TwoWorkersShareBySmsActivityAndMemory) {
  BoardEnergy board = idle_board();
  board.add({load(1, 0.5, 0.8, 0), load(2, 0.25, 0.8, 0), load(3, 0.25, 0, 0.8)}, 1s);
  board.read(1'000'400'000, 1s);
  const double one = static_cast<double>(board.of_instance(1)) - 50'000;
  const double two = static_cast<double>(board.of_instance(2)) - 25'000;
  const double three = static_cast<double>(board.of_instance(3)) - 25'000;
  EXPECT_NEAR(one / two, 2, 0.001);
  EXPECT_NEAR(three / two, 0.5, 0.001);
}

TEST(Energy, WithoutActivityThoseWithProcessesShareBySms) {
  BoardEnergy board = idle_board();
  InstanceLoad busy{1, 0.5, 0.5, std::nullopt, std::nullopt, true};
  InstanceLoad held{2, 0.5, 0.5, std::nullopt, std::nullopt, false};
  board.add({busy, held}, 1s);
  board.read(1'000'300'000, 1s);
  EXPECT_STREQ(board.method(), kBySlices);
  EXPECT_EQ(board.of_instance(1), 250'000U);
  EXPECT_EQ(board.of_instance(2), 50'000U) << "the floor alone";
}

TEST(Energy, WhatNobodyUsedIsNobodys) {
  BoardEnergy board = idle_board();
  board.add({load(1, 0.25, 0, 0)}, 1s);
  board.read(1'000'300'000, 1s);
  EXPECT_EQ(board.of_instance(1), 25'000U);
  EXPECT_EQ(sum_of(board.state()), board.state().total_mj);
}

TEST(Energy, TimeThatNobodyObservedIsNobodys) {
  BoardEnergy board = idle_board();
  board.add({load(1, 1, 1, 1)}, 1s);
  board.read(1'003'000'000, 10s);  // the driver was closed for nine of them
  EXPECT_EQ(board.of_instance(1), 300'000U);
}

TEST(Energy, ADestroyedInstanceKeepsItsPartAndWhatItDidSince) {
  BoardEnergy board = idle_board();
  board.add({load(1, 1, 1, 1)}, 1s);
  board.read(1'000'300'000, 1s);
  const std::uint64_t before = board.of_instance(1);
  board.add({load(1, 1, 1, 1)}, 1s);
  board.keep_only({2});
  EXPECT_EQ(board.of_instance(1), 0U);
  EXPECT_EQ(board.state().gone_mj, before);
  board.add({load(2, 1, 0, 0)}, 1s);
  board.read(1'000'800'000, 2s);
  EXPECT_EQ(board.of_instance(1), 0U) << "it is gone";
  EXPECT_EQ(board.state().gone_mj, before + 100'000 + 300'000);
  EXPECT_EQ(board.of_instance(2), 100'000U);
  EXPECT_EQ(sum_of(board.state()), board.state().total_mj);
}

TEST(Energy, ACounterThatBeganAnewIsCarriedOn) {
  BoardEnergy board = idle_board();
  board.add({load(1, 1, 1, 1)}, 1s);
  board.read(40'000, 1s);
  EXPECT_EQ(board.state().total_mj, 1'000'040'000U);
  EXPECT_EQ(board.of_instance(1), 0U) << "nobody knows since when";
  board.add({load(1, 1, 1, 1)}, 1s);
  board.read(340'000, 1s);
  EXPECT_EQ(board.of_instance(1), 300'000U);
  EXPECT_EQ(sum_of(board.state()), board.state().total_mj);
}

TEST(Energy, ARestartContinuesTheAccount) {
  BoardEnergy board = idle_board();
  board.add({load(1, 1, 1, 1)}, 1s);
  board.read(1'000'300'000, 1s);
  BoardEnergy next(board.state());
  EXPECT_EQ(next.of_instance(1), board.of_instance(1));
  next.add({load(1, 1, 1, 1)}, 1s);
  next.read(1'000'900'000, std::nullopt);
  EXPECT_EQ(next.of_instance(1), board.of_instance(1)) << "nobody looked in between";
  EXPECT_EQ(next.state().total_mj, 1'000'900'000U);
  EXPECT_EQ(sum_of(next.state()), next.state().total_mj);
}

// Random layouts, activity (also above 1), gaps, resets of the counter, restarts: not a millijoule
// is lost or made, and nothing ever falls.
TEST(Energy, IsConservedWhateverHappens) {
  std::mt19937_64 random(20261128);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const auto share = [&] { return static_cast<double>(below(1200)) / 1000.0; };
  for (int round = 0; round < 300; ++round) {
    BoardEnergy board;
    std::uint64_t counter = below(1'000'000'000'000);
    std::uint64_t total = counter;
    std::uint64_t generation = 1;
    std::vector<std::uint64_t> there;
    board.read(counter, std::nullopt);
    std::uint64_t attributed = 0;
    for (int step = 0; step < 100; ++step) {
      for (std::uint64_t n = below(3); n > 0 && there.size() < 7; --n) {
        there.push_back(generation++);
      }
      if (!there.empty() && below(4) == 0) {
        there.erase(there.begin() + static_cast<std::ptrdiff_t>(below(there.size())));
      }
      board.keep_only(there);
      std::vector<InstanceLoad> loads;
      for (const std::uint64_t one : there) {
        const auto activity = below(5) == 0 ? std::nullopt : std::optional(share());
        loads.push_back({one, share() / 3, share() / 3, activity, activity, below(2) == 0});
      }
      board.add(loads, std::chrono::milliseconds(below(2000)));
      if (below(3) == 0) {
        const std::uint64_t used = below(3'000'000);
        // One that counts beyond what was there before cannot be told (a reboot is, by its id).
        const bool again = below(30) == 0 && used < counter;
        counter = again ? used : counter + used;
        total += used;
        const auto since =
            below(20) == 0
                ? std::nullopt
                : std::optional<std::chrono::nanoseconds>(std::chrono::milliseconds(below(4000)));
        board.read(counter, since);
      }
      if (below(40) == 0) {
        board = BoardEnergy(board.state());
      }
      const BoardEnergy::State& state = board.state();
      ASSERT_EQ(state.total_mj, total);
      ASSERT_EQ(sum_of(state), total) << "round " << round << ", step " << step;
      const std::uint64_t now = total - state.unattributed_mj;
      ASSERT_GE(now, attributed) << "what was attributed is taken back";
      attributed = now;
    }
    EXPECT_GT(attributed, 0U);
  }
}

}  // namespace
}  // namespace mig::observe
