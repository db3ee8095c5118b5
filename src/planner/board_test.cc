// SPDX-License-Identifier: Apache-2.0
#include "planner/board.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"

namespace mig::planner {
namespace {

Gpu only(const std::string& key, const std::vector<std::string>& names) {
  Gpu gpu = testing::board(key);
  auto& profiles = gpu.profiles;
  profiles.erase(std::remove_if(profiles.begin(),
                                profiles.end(),
                                [&](const GpuInstanceProfile& profile) {
                                  return std::find(names.begin(),
                                                   names.end(),
                                                   profile.name.str()) == names.end();
                                }),
                 profiles.end());
  EXPECT_EQ(profiles.size(), names.size());
  return gpu;
}

struct Counts {
  const char* key;
  std::vector<std::string> profiles;
  std::size_t states, maximal, multisets;
};

// Counts confirmed by independent enumerations (MISO's and nos' tables among them).
TEST(AllStates, KnownCounts) {
  const Counts table[] = {
      {"a100_sxm4_40gb", {"1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"}, 298, 19, 38},
      {"a100_sxm4_40gb",
       {"1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"},
       723,
       78,
       78},
      {"a100_sxm4_40gb",
       {"1g.5gb", "1g.5gb+me", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"},
       2319,
       239,
       128},
      {"a30_24gb", {"1g.6gb", "2g.12gb", "4g.24gb"}, 26, 5, 10},
      {"a30_24gb", {"1g.6gb", "1g.6gb+me", "2g.12gb", "2g.12gb+me", "4g.24gb"}, 76, 17, 20},
      {"h200_141gb",
       {"1g.18gb", "1g.18gb+me", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"},
       2319,
       239,
       128},
  };
  for (const Counts& row : table) {
    const Gpu gpu = only(row.key, row.profiles);
    const Board board(gpu);
    const auto states = all_states(board);
    EXPECT_EQ(states.size(), row.states) << row.key;
    EXPECT_EQ(maximal_layouts(board).size(), row.maximal) << row.key;
    std::set<std::vector<std::uint32_t>> multisets;
    for (const Layout& layout : states) {
      multisets.insert(board.load_of(layout).counts);
    }
    EXPECT_EQ(multisets.size(), row.multisets) << row.key;
  }
}

TEST(AllStates, NoneOverlapsAndNoneIsThereTwice) {
  for (const std::string& key : testing::board_keys()) {
    const Gpu gpu = testing::board(key);
    const Board board(gpu);
    std::set<Layout> seen;
    for (Layout layout : all_states(board)) {
      for (std::size_t i = 0; i < layout.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          ASSERT_FALSE(layout[i].placement.overlaps(layout[j].placement)) << key;
        }
      }
      std::sort(layout.begin(), layout.end());
      ASSERT_TRUE(seen.insert(layout).second) << key;
    }
  }
}

TEST(Board, OneMediaExtensionAndAllMediaLeavesNone) {
  const Gpu gpu = testing::board("rtx_pro_6000_server");
  const Board board(gpu);
  const auto at = [&](const char* name, std::uint32_t start) {
    const std::size_t profile = board.find(ProfileName::parse(name).value()).value();
    return Placed{profile, {start, board.profiles()[profile].placements[0].size}};
  };
  const auto fits = [&](Placed first, Placed second) {
    Load load = board.empty();
    EXPECT_TRUE(board.fits(load, first));
    board.add(load, first);
    return board.fits(load, second);
  };
  EXPECT_FALSE(fits(at("1g.24gb+me", 0), at("1g.24gb+me", 3)));
  EXPECT_FALSE(fits(at("1g.24gb+me", 0), at("1g.24gb+me.all", 3)));
  EXPECT_FALSE(fits(at("1g.24gb+me.all", 0), at("1g.24gb", 3)));
  EXPECT_FALSE(fits(at("1g.24gb", 0), at("2g.48gb+me.all", 6)));
  EXPECT_TRUE(fits(at("1g.24gb+me.all", 0), at("2g.48gb-me", 6)));
  EXPECT_TRUE(fits(at("1g.24gb+me", 0), at("1g.24gb", 3)));
}

TEST(Board, RemoveUndoesAdd) {
  const Gpu gpu = testing::board("rtx_pro_6000_server");
  const Board board(gpu);
  for (const Layout& layout : all_states(board)) {
    Load load = board.load_of(layout);
    for (const Placed& placed : layout) {
      board.remove(load, placed);
    }
    ASSERT_EQ(load.taken, 0U);
    ASSERT_EQ(load.slices + load.extensions + load.all_media + load.media_users, 0U);
    ASSERT_EQ(load.counts, board.empty().counts);
  }
}

// The driver's default placement: 1g on an empty board of 7 goes to 6, then 4, 5, 0, 1, 2, 3.
TEST(Board, RoomRanksPlacementsAsTheDriverDoes) {
  const Gpu gpu = testing::board("a100_sxm4_40gb");
  const Board board(gpu);
  const std::size_t one = board.find(ProfileName::parse("1g.5gb").value()).value();
  Load load = board.empty();
  std::vector<std::uint32_t> starts;
  for (int i = 0; i < 7; ++i) {
    std::optional<Placement> best;
    std::size_t best_room = 0;
    for (const Placement placement : board.profiles()[one].placements) {
      if (board.fits(load, {one, placement})) {
        board.add(load, {one, placement});
        const std::size_t room = board.room(load);
        board.remove(load, {one, placement});
        if (!best || room > best_room) {
          best = placement;
          best_room = room;
        }
      }
    }
    board.add(load, {one, best.value()});
    starts.push_back(best->start);
  }
  EXPECT_EQ(starts, (std::vector<std::uint32_t>{6, 4, 5, 0, 1, 2, 3}));
}

}  // namespace
}  // namespace mig::planner
