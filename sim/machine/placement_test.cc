// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "abi/nvml.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

constexpr int kFull = -NVML_ERROR_INSUFFICIENT_RESOURCES;

// Creation orders and the instance ids that real drivers gave; -23 where the driver refused.
struct Sample {
  const char* source;
  const char* board;
  bool swap;
  std::vector<std::uint32_t> request;
  std::vector<int> ids;
};

const Sample kSamples[] = {
    {"guide R580 2a", "a100-sxm4-40gb", false, {19, 19, 14, 9}, {13, 11, 3, kFull}},
    {"guide R580 2b", "a100-sxm4-40gb", false, {9, 19, 14, 19}, {2, 7, 4, 8}},
    {"guide R580 3", "a100-sxm4-40gb", false, {14, 19, 19, 19, 19, 19}, {5, 13, 7, 8, 9, 10}},
    {"A100 seven",
     "a100-sxm4-40gb",
     false,
     {19, 19, 19, 19, 19, 19, 19},
     {13, 11, 12, 7, 8, 9, 10}},
    {"dask-cuda#583",
     "a100-sxm4-40gb",
     true,
     {19, 19, 19, 19, 19, 19, 19},
     {9, 7, 8, 11, 12, 13, 14}},
    {"A100 swapped", "a100-sxm4-40gb", true, {9, 19, 14, 19}, {1, 11, 6, 12}},
    {"A100-80 3g", "a100-sxm4-80gb", true, {9}, {1}},
    {"A100-80 4g", "a100-sxm4-80gb", true, {5}, {2}},
    {"H100 SXM", "h100-sxm5-80gb", false, {19, 19, 19, 19, 19, 19, 19}, {13, 11, 12, 7, 8, 9, 10}},
    {"H100 PCIe", "h100-pcie-80gb", true, {19, 19, 19, 19, 19, 19, 19}, {9, 7, 8, 11, 12, 13, 14}},
    // dra-driver #1018 names the slot, 6, instead of the id.
    {"dra#1018", "h100-pcie-80gb", false, {15}, {6}},
    {"H100 NVL", "h100-nvl-94gb", true, {9, 15, 19}, {1, 5, 13}},
    // GH200: same placements as the H100.
    {"GH200", "h100-sxm5-80gb", false, {20, 15, 15, 15}, {13, 5, 3, 4}},
    {"H200 capture", "h200-141gb", false, {9, 14, 19, 19}, {2, 3, 9, 10}},
    {"A30", "a30-24gb", false, {14}, {3}},
    {"RTX PRO 6000", "rtx-pro-6000-server", false, {14, 14, 14, 14}, {3, 4, 5, 6}},
    {"RTX PRO 6000 2g", "rtx-pro-6000-server", false, {5, 14, 14}, {1, 5, 6}},
};

TEST(Placement, RecordedCreationOrdersComeOut) {
  static_assert(std::size(kSamples) == 17);
  for (const Sample& sample : kSamples) {
    Rig rig({sample.board});
    rig.state->gpus[0].swap_halves = sample.swap ? 1 : 0;
    std::vector<int> ids;
    for (const std::uint32_t id : sample.request) {
      ids.push_back(rig.create(id));
    }
    EXPECT_EQ(ids, sample.ids) << sample.source;
    EXPECT_EQ(rig.broken(), nullptr) << sample.source;
  }
}

TEST(Placement, InstanceIdsAreNodesOfTheSliceTree) {
  const Board a100 = testing::load("a100-sxm4-40gb");
  EXPECT_EQ(gi_id_of(a100, {0, 8}, false), 0U);
  EXPECT_EQ(gi_id_of(a100, {0, 8}, true), 0U);
  EXPECT_EQ(gi_id_of(a100, {0, 4}, false), 1U);
  EXPECT_EQ(gi_id_of(a100, {0, 4}, true), 2U);
  EXPECT_EQ(gi_id_of(a100, {6, 2}, false), 6U);
  EXPECT_EQ(gi_id_of(a100, {6, 1}, true), 9U);
  EXPECT_EQ(gi_id_of(a100, {6, 4}, false), kNone);
  EXPECT_EQ(gi_id_of(a100, {0, 0}, false), kNone);
  const Board pro = testing::load("rtx-pro-6000-server");
  EXPECT_EQ(gi_id_of(pro, {0, 12}, false), 0U);
  EXPECT_EQ(gi_id_of(pro, {6, 6}, false), 2U);
  EXPECT_EQ(gi_id_of(pro, {9, 3}, false), 6U);
}

std::vector<std::uint32_t> starts(const char* board, std::uint32_t profile) {
  Rig rig({board});
  std::vector<std::uint32_t> found;
  for (int id = rig.create(profile); id >= 0; id = rig.create(profile)) {
    found.push_back(rig.state->gpus[0].gis[id].placement.start);
  }
  return found;
}

TEST(Placement, EmptyBoardFillsInTheDriversOrder) {
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(starts("h200-141gb", 19), (List{6, 4, 5, 0, 1, 2, 3}));
  EXPECT_EQ(starts("h200-141gb", 15), (List{6, 4, 0, 2}));
  EXPECT_EQ(starts("h200-141gb", 14), (List{4, 0, 2}));
  EXPECT_EQ(starts("h200-141gb", 9), (List{4, 0}));
  EXPECT_EQ(starts("h200-141gb", 5), (List{0}));
  EXPECT_EQ(starts("h200-141gb", 0), (List{0}));
  EXPECT_EQ(starts("h200-141gb", 20), (List{6}));
}

std::uint32_t remaining(const Rig& rig, std::uint32_t profile) {
  return gi_remaining(rig.gpu(), rig.profile(profile));
}

TEST(Placement, RemainingCapacityWithMigOffIsThatOfAnEmptyGpu) {
  const Rig rig({"h200-141gb"}, false);
  // A real H200 answers the same, see hardware/h200.
  EXPECT_EQ(remaining(rig, 19), 7U);
  EXPECT_EQ(remaining(rig, 20), 1U);
  EXPECT_EQ(remaining(rig, 15), 4U);
  EXPECT_EQ(remaining(rig, 14), 3U);
  EXPECT_EQ(remaining(rig, 9), 2U);
  EXPECT_EQ(remaining(rig, 5), 1U);
  EXPECT_EQ(remaining(rig, 0), 1U);
}

TEST(Placement, RemainingCapacityIsWhatCreationThenGives) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(9), 2);   // right half
  ASSERT_EQ(rig.create(19), 7);  // left half, slot 0
  EXPECT_EQ(remaining(rig, 19), 3U);
  EXPECT_EQ(remaining(rig, 20), 1U);
  EXPECT_EQ(remaining(rig, 14), 1U);
  EXPECT_EQ(remaining(rig, 15), 1U);
  EXPECT_EQ(remaining(rig, 9), 0U);
  EXPECT_EQ(remaining(rig, 5), 0U);
  EXPECT_EQ(remaining(rig, 0), 0U);
}

// A published walk through an A100-SXM4-40GB (driver R575 or later; halves swapped): the free
// counts of mig -lgip before and after each creation, and each instance's placement.
TEST(Placement, RecordedCapacitiesComeOut) {
  const std::vector<std::uint32_t> profiles = {19, 20, 15, 14, 9, 5, 0};
  Rig rig({"a100-sxm4-40gb"});
  rig.state->gpus[0].swap_halves = 1;
  const auto free = [&] {
    std::vector<std::uint32_t> counts;
    counts.reserve(profiles.size());
    for (const std::uint32_t profile : profiles) {
      counts.push_back(remaining(rig, profile));
    }
    return counts;
  };
  using Counts = std::vector<std::uint32_t>;
  EXPECT_EQ(free(), (Counts{7, 1, 4, 3, 2, 1, 1}));
  EXPECT_EQ(rig.create(5), 2);
  EXPECT_EQ(free(), (Counts{3, 1, 2, 1, 1, 0, 0}));
  EXPECT_EQ(rig.create(14), 3);
  EXPECT_EQ(free(), (Counts{1, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(rig.create(19), 9);
  EXPECT_EQ(free(), (Counts{0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(rig.state->gpus[0].gis[3].placement.start, 4U);
  EXPECT_EQ(rig.state->gpus[0].gis[9].placement.start, 6U);
}

TEST(Placement, OneMediaExtensionPerBoard) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_GE(rig.create(20), 0);
  EXPECT_EQ(remaining(rig, 20), 0U);
  EXPECT_EQ(rig.create(20), kFull);
  Rig pro({"rtx-pro-6000-server"});
  ASSERT_GE(pro.create(21), 0);      // 1g+me
  EXPECT_EQ(pro.create(65), kFull);  // 1g+me.all
  EXPECT_EQ(pro.create(64), kFull);  // 2g+me.all
}

TEST(Placement, AllMediaEnginesInOneInstanceLeaveNoneToOthers) {
  Rig rig({"rtx-pro-6000-server"});
  ASSERT_GE(rig.create(65), 0);      // 1g+me.all
  EXPECT_EQ(rig.create(14), kFull);  // a 1g has media engines of its own
  EXPECT_GE(rig.create(67), 0);      // a 1g-me has no media engines
  EXPECT_EQ(rig.broken(), nullptr);
}

// The limits are rules of their own: they hold even where a board's windows would leave room.
TEST(Placement, ComputeSlicesAndMaximumCountBesideTheWindows) {
  Rig rig({"a100-sxm4-40gb"});
  rig.hardware->boards[0].compute_slices = 6;
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(remaining(rig, 19), static_cast<unsigned>(6 - i));
    ASSERT_GE(rig.create(19), 0);
  }
  EXPECT_EQ(remaining(rig, 19), 0U);
  EXPECT_EQ(rig.create(19), kFull);

  Rig few({"a100-sxm4-40gb"});
  Board& board = few.hardware->boards[0];
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    if (board.gi_profiles[i].id == 19) {
      board.gi_profiles[i].max_count = 2;
    }
  }
  ASSERT_GE(few.create(19), 0);
  EXPECT_EQ(remaining(few, 19), 1U);
  ASSERT_GE(few.create(19), 0);
  EXPECT_EQ(remaining(few, 19), 0U);
  EXPECT_EQ(few.create(19), kFull);
  EXPECT_GE(few.create(14), 0) << "a maximum of one profile is no other's";
}

// The maximum of one is a rule of its own: it holds even on a board with engines to spare.
TEST(Placement, OneInstanceHasTheMediaExtension) {
  Rig rig({"rtx-pro-6000-server"});
  Board& board = rig.hardware->boards[0];
  std::vector<std::uint32_t> extended;
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    if (board.gi_profiles[i].media_extension != 0 && board.gi_profiles[i].slices == 1) {
      extended.push_back(board.gi_profiles[i].id);
    }
    board.gi_profiles[i].engines = {};
  }
  ASSERT_GE(extended.size(), 2U);
  const int first = rig.create(extended[0]);
  ASSERT_GE(first, 0);
  EXPECT_EQ(gi_remaining(rig.gpu(), rig.profile(extended[1])), 0U);
  EXPECT_EQ(rig.create(extended[1]), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  ASSERT_EQ(destroy_gi(rig.gpu(), static_cast<std::uint32_t>(first)), NVML_SUCCESS);
  EXPECT_GE(rig.create(extended[1]), 0);
}

}  // namespace
}  // namespace migsim
