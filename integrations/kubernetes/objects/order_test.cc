// SPDX-License-Identifier: Apache-2.0
// The order of devices, judged by what a scheduler that takes the first one that fits leaves room
// for, against what any order could.
#include "kubernetes/objects/order.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/test_machines.h"
#include "kubernetes/objects/test_scheduler.h"

namespace mig::kube {
namespace {

using planner::Board;

// A machine whose claims are prepared at once by this driver, and its scheduler.
class Node {
 public:
  Node(const std::string& board, std::uint32_t gpus)
      : machine_(machine_of(board, gpus)), scheduler_(slices_of(machine_)) {}

  // Name of the device that a claim of that profile gets; "" = none fits.
  std::string claim(const std::string& profile) {
    const auto got = scheduler_.allocate_first(
        [&](const TestDevice& device) { return profile_of(device) == profile; });
    if (got) {
      const Place place = find_place(machine_, *got).value();
      add_instance(machine_.gpus[place.gpu->index.value], profile, place.placement.start);
      held_[*got] = true;
    }
    return got.value_or("");
  }

  void publish() {
    SliceInput input = input_of(machine_);
    input.held = held_;
    scheduler_.publish(slices_of(input));
  }

  bool fits(const std::string& profile) const {
    return std::any_of(
        scheduler_.devices().begin(), scheduler_.devices().end(), [&](const TestDevice& device) {
          return profile_of(device) == profile && scheduler_.admits(device);
        });
  }

  const Inventory& machine() const { return machine_; }

 private:
  Inventory machine_;
  std::map<std::string, bool> held_;
  TestScheduler scheduler_;
};

TEST(Order, OnAnEmptyH200ASmallOneGoesWhereTheDriverPutsIt) {
  Node node("h200-141gb", 1);
  for (const char* expected : {"6", "4", "5"}) {
    EXPECT_EQ(node.claim("1g.18gb"), std::string("gpu-0-mig-1g-18gb-") + expected);
    node.publish();
    EXPECT_TRUE(node.fits("4g.71gb"));
  }
}

// Without a publication in between: the order is one for several claims.
TEST(Order, HoldsForABurstOfClaims) {
  Node node("h200-141gb", 8);
  std::set<std::string> gpus;
  for (int i = 0; i < 7; ++i) {
    gpus.insert(node.claim("1g.18gb").substr(0, 5));
  }
  node.publish();
  // Seven small ones use no more than the right halves of three GPUs, so that all 4g are there.
  EXPECT_LE(gpus.size(), 3U);
  int fours = 0;
  while (!node.claim("4g.71gb").empty()) {
    ++fours;
  }
  EXPECT_EQ(fours, 8);
}

TEST(Order, AcrossGpusTheOneThatIsUsedComesFirst) {
  Node node("h200-141gb", 2);
  EXPECT_EQ(node.claim("3g.71gb"), "gpu-0-mig-3g-71gb-4");
  node.publish();
  EXPECT_EQ(node.claim("2g.35gb").substr(0, 5), "gpu-0");
  node.publish();
  EXPECT_TRUE(node.fits("7g.141gb"));
}

// How many of the large profiles fit, summed over every sequence of `depth` small claims, when each
// is placed by somebody who knows the sum and not the sequence: what no order can exceed.
std::size_t best_possible(const Board& board,
                          const planner::Load& load,
                          const std::vector<std::size_t>& small,
                          const std::vector<std::size_t>& large,
                          int depth) {
  const auto places = [&](std::size_t profile) {
    std::vector<planner::Placed> fitting;
    for (const Placement place : board.profiles()[profile].placements) {
      if (board.fits(load, {profile, place})) {
        fitting.push_back({profile, place});
      }
    }
    return fitting;
  };
  if (depth == 0) {
    return static_cast<std::size_t>(std::count_if(
        large.begin(), large.end(), [&](std::size_t one) { return !places(one).empty(); }));
  }
  std::size_t sum = 0;
  for (const std::size_t claim : small) {
    std::size_t best = 0;
    const auto fitting = places(claim);
    for (const planner::Placed placed : fitting) {
      planner::Load next = load;
      board.add(next, placed);
      best = std::max(best, best_possible(board, next, small, large, depth - 1));
    }
    sum += fitting.empty() ? best_possible(board, load, small, large, depth - 1) : best;
  }
  return sum;
}

std::size_t by_order(const Node& node,
                     const std::vector<std::string>& small,
                     const std::vector<std::string>& large,
                     int depth) {
  if (depth == 0) {
    return static_cast<std::size_t>(std::count_if(
        large.begin(), large.end(), [&](const std::string& one) { return node.fits(one); }));
  }
  std::size_t sum = 0;
  for (const std::string& claim : small) {
    Node next = node;
    next.claim(claim);
    next.publish();
    sum += by_order(next, small, large, depth - 1);
  }
  return sum;
}

struct Race {
  const char* board;
  std::vector<std::string> small, large;
};

// For one claim and for two. From three on, who knows how many will come can do better on an H200
// (9 against 4 of 54): they fill the left half, which costs the 4g at once and saves a 3g at the
// end.
TEST(Order, LeavesAsMuchRoomForLargeOnesAsAnyPlacementCould) {
  const Race races[] = {
      {"h200-141gb", {"1g.18gb", "1g.35gb", "2g.35gb"}, {"4g.71gb", "3g.71gb"}},
      {"a100-sxm4-40gb", {"1g.5gb", "2g.10gb"}, {"4g.20gb", "3g.20gb"}},
      {"a30-24gb", {"1g.6gb"}, {"2g.12gb", "4g.24gb"}},
      {"rtx-pro-6000-server", {"1g.24gb", "1g.24gb+gfx"}, {"2g.48gb"}},
  };
  for (const Race& race : races) {
    const Inventory machine = machine_of(race.board);
    const Board board(machine.gpus[0]);
    const auto numbers = [&](const std::vector<std::string>& names) {
      std::vector<std::size_t> all;
      for (const std::string& name : names) {
        all.push_back(board.find(ProfileName::parse(name).value()).value());
      }
      return all;
    };
    for (int depth = 1; depth <= 2; ++depth) {
      const std::size_t best =
          best_possible(board, board.empty(), numbers(race.small), numbers(race.large), depth);
      const std::size_t ours = by_order(Node(race.board, 1), race.small, race.large, depth);
      EXPECT_EQ(ours, best) << race.board << ", " << depth << " claims";
    }
  }
}

TEST(Order, AnyDeviceWithEnoughMemoryIsTheSmallest) {
  const Gpu gpu = machine_of("h200-141gb").gpus[0];
  TestScheduler scheduler(slices_of(machine_of("h200-141gb", 2)));
  const auto got = scheduler.allocate_first([&](const TestDevice& device) {
    return device.json["attributes"]["type"]["string"] == "mig" &&
           profile_named(gpu, profile_of(device)).memory_mib > 30'000;
  });
  ASSERT_TRUE(got);
  EXPECT_NE(got->find("1g-35gb"), std::string::npos);
}

}  // namespace
}  // namespace mig::kube
