// SPDX-License-Identifier: Apache-2.0
// Compute instances inside one GPU instance, as a third reading: observed placements, as literals
// of this file, against the board files; and every legal set of the board files against every set
// that the simulated driver reaches.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "abi/nvml.h"
#include "board_facts.h"
#include "sim/machine/test_machine.h"

namespace mig::property {
namespace {

using migsim::testing::Rig;
using Inners = std::vector<Inner>;

constexpr int kRev1 = NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1;

// Placement rule of a board's driver for compute instances, as observed.
enum class Seen {
  kAnywhere,       // Ampere, and presumably H100 PCIe: one slot per slice
  kAlignedEighth,  // Hopper with 26 SMs in a double-memory 1g: slots of an eighth of the board
  kAlignedQuarter  // RTX PRO: slots of a quarter
};

Seen seen_of(const std::string& board) {
  if (board.starts_with("rtx_pro")) {
    return Seen::kAlignedQuarter;
  }
  return board == "h100_sxm5_80gb" || board == "h100_nvl_94gb" || board == "h200_141gb"
             ? Seen::kAlignedEighth
             : Seen::kAnywhere;
}

// Observed: 1c takes one slot, a REV1 or a 2c two, a 3c or a 4c four, a 7c all eight.
int slots_of(Seen seen, const ComputeFacts& facts) {
  if (seen != Seen::kAlignedEighth) {
    return facts.slices;
  }
  if (facts.number == kRev1) {
    return 2;
  }
  int slots = 1;
  while (slots < facts.slices) {
    slots *= 2;
  }
  return slots;
}

std::vector<std::string> boards() {
  return {"a30_24gb",
          "a100_sxm4_40gb",
          "a100_pcie_40gb",
          "a100_sxm4_80gb",
          "a100_pcie_80gb",
          "h100_sxm5_80gb",
          "h100_pcie_80gb",
          "h100_nvl_94gb",
          "h200_141gb",
          "rtx_pro_6000_server",
          "rtx_pro_6000_workstation",
          "rtx_pro_6000_maxq"};
}

class ComputeFactsOf : public ::testing::TestWithParam<std::string> {};

TEST_P(ComputeFactsOf, SpansAndStartsAreTheSeenOnes) {
  const Seen seen = seen_of(GetParam());
  for (const ProfileFacts& profile : read_board(GetParam()).profiles) {
    for (const ComputeFacts& facts : profile.computes) {
      EXPECT_EQ(facts.size, slots_of(seen, facts)) << profile.name << " " << facts.name;
      const int step = seen == Seen::kAnywhere ? 1 : facts.size;
      for (std::size_t i = 0; i < facts.starts.size(); ++i) {
        EXPECT_EQ(facts.starts[i], static_cast<int>(i) * step) << profile.name << facts.name;
      }
      // kAnywhere: every start that ends inside the GPU instance; aligned: as many as its maximum.
      EXPECT_EQ(static_cast<int>(facts.starts.size()),
                seen == Seen::kAnywhere ? profile.slices - facts.slices + 1 : facts.max_count)
          << profile.name << " " << facts.name;
    }
  }
}

TEST_P(ComputeFactsOf, NamesCarryNoAttributeAndRev1IsWhereItWasSeen) {
  const bool two_kinds = seen_of(GetParam()) == Seen::kAlignedEighth;
  for (const ProfileFacts& profile : read_board(GetParam()).profiles) {
    const std::string plain = profile.name.substr(0, profile.name.find_first_of("+-"));
    const bool wide = profile.id == 15 || profile.slices > 1;
    bool rev1 = false;
    for (const ComputeFacts& facts : profile.computes) {
      EXPECT_EQ(
          facts.driver_name,
          facts.slices == profile.slices ? plain : std::to_string(facts.slices) + "c." + plain);
      rev1 = rev1 || facts.number == kRev1;
    }
    EXPECT_EQ(rev1, two_kinds && wide) << profile.name;
  }
}

Inners inside_of(const migsim::GpuRef& gpu, std::uint32_t gi) {
  const migsim::GiState& state = gpu.self().gis[gi];
  const migsim::GiProfile& profile = gpu.board().gi_profiles[state.profile_index];
  Inners out;
  for (const migsim::CiState& ci : state.cis) {
    if (ci.used != 0) {
      out.push_back({static_cast<int>(profile.ci_profiles[ci.profile_index].profile),
                     static_cast<int>(ci.placement.start)});
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Every set that creations with a placement reach, from the empty GPU instance.
std::set<Inners> reached(const Rig& rig, std::uint32_t gi, const migsim::GiProfile& profile) {
  const migsim::GpuRef gpu = rig.gpu();
  std::map<Inners, migsim::GpuState> seen{{{}, gpu.self()}};
  std::deque<Inners> open{{}};
  while (!open.empty()) {
    const migsim::GpuState from = seen.at(open.front());
    open.pop_front();
    for (std::uint32_t c = 0; c < profile.ci_profile_count; ++c) {
      const migsim::CiProfile& compute = profile.ci_profiles[c];
      for (std::uint32_t p = 0; p < compute.placement_count; ++p) {
        gpu.self() = from;
        std::uint32_t id = 0;
        if (create_ci(gpu, gi, compute, compute.placements[p], id) == NVML_SUCCESS) {
          const Inners to = inside_of(gpu, gi);
          if (seen.emplace(to, gpu.self()).second) {
            open.push_back(to);
          }
        }
      }
    }
  }
  std::set<Inners> out;
  for (const auto& [inners, state] : seen) {
    out.insert(inners);
  }
  return out;
}

TEST_P(ComputeFactsOf, TheSimulatedDriverLetsExactlyTheLegalSetsComeAbout) {
  std::string key = GetParam();
  std::replace(key.begin(), key.end(), '_', '-');
  std::size_t sets = 0;
  for (const ProfileFacts& facts : read_board(GetParam()).profiles) {
    Rig rig({key});
    const int gi = rig.create(static_cast<std::uint32_t>(facts.id));
    ASSERT_GE(gi, 0) << facts.name;
    const std::vector<Inners> legal = all_inside(facts);
    const std::set<Inners> made = reached(
        rig, static_cast<std::uint32_t>(gi), rig.profile(static_cast<std::uint32_t>(facts.id)));
    EXPECT_EQ(std::set<Inners>(legal.begin(), legal.end()), made) << facts.name;
    sets += legal.size();
  }
  std::printf("%s: %zu sets of compute instances\n", key.c_str(), sets);
  EXPECT_GT(sets, 40U);
}

INSTANTIATE_TEST_SUITE_P(Boards,
                         ComputeFactsOf,
                         ::testing::ValuesIn(boards()),
                         [](const auto& tested) { return tested.param; });

// The maximal sets of a 7g as observed: two 3c leave no slot for a 1c on Hopper, and do on Ampere.
TEST(ComputeFacts, TwoThirdsAndAOne) {
  const auto seven = [](const char* board) {
    const BoardFacts facts = read_board(board);
    return *std::find_if(facts.profiles.begin(), facts.profiles.end(), [](const auto& profile) {
      return profile.id == 0;
    });
  };
  EXPECT_TRUE(legal_inside(seven("h100_sxm5_80gb"), {{2, 0}, {2, 4}}));
  for (int start = 0; start < 7; ++start) {
    EXPECT_FALSE(legal_inside(seven("h100_sxm5_80gb"), {{0, start}, {2, 0}, {2, 4}}));
  }
  EXPECT_TRUE(legal_inside(seven("a100_sxm4_40gb"), {{0, 6}, {2, 0}, {2, 3}}));
}

}  // namespace
}  // namespace mig::property
