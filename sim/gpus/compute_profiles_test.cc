// SPDX-License-Identifier: Apache-2.0
// Compute profiles of the built-in boards against readings of real drivers: names, numbers, counts,
// SMs and placements. The expectations are literals, not computed.
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "sim/gpus/board.h"

namespace migsim {
namespace {

// Compute profiles of a GPU instance profile as text, "0 1c.2g.20gb 2x16 {0,1}:1; 7* ..."; * marks
// the full one.
std::string computes(std::string_view key, std::uint32_t id) {
  Board board;
  std::string error;
  EXPECT_TRUE(load_board(builtin_board(key), board, error)) << error;
  std::ostringstream out;
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    const GiProfile& gi = board.gi_profiles[i];
    for (std::uint32_t c = 0; gi.id == id && c < gi.ci_profile_count; ++c) {
      const CiProfile& ci = gi.ci_profiles[c];
      out << (c == 0 ? "" : "; ") << ci.profile << (ci.is_default != 0 ? "* " : " ") << ci.name + 4
          << ' ' << ci.max_count << 'x' << ci.sm << " {";
      for (std::uint32_t p = 0; p < ci.placement_count; ++p) {
        out << (p == 0 ? "" : ",") << ci.placements[p].start;
      }
      out << "}:" << ci.placements[0].size;
    }
  }
  return out.str();
}

TEST(ComputeProfiles, OfAMediaInstanceAreCalledPlain) {
  EXPECT_EQ(computes("h100-sxm5-80gb", 20), "0* 1g.10gb 1x16 {0}:1");
  EXPECT_EQ(computes("a100-sxm4-80gb", 20), "0* 1g.10gb 1x14 {0}:1");
  EXPECT_EQ(computes("a30-24gb", 6), "0 1c.2g.12gb 2x14 {0,1}:1; 1* 2g.12gb 1x28 {0}:2");
  EXPECT_EQ(computes("rtx-pro-6000-server", 65), "0* 1g.24gb 1x46 {0}:1");
  EXPECT_EQ(computes("rtx-pro-6000-maxq", 66), "0 1c.2g.48gb 2x46 {0,1}:1; 1* 2g.48gb 1x94 {0}:2");
}

TEST(ComputeProfiles, DoubleMemoryHasTwoOnHopperAndOneOnAmpere) {
  EXPECT_EQ(computes("h100-sxm5-80gb", 15), "0 1g.20gb 1x16 {0}:1; 7* 1g.20gb 1x26 {0}:2");
  EXPECT_EQ(computes("h200-141gb", 15), "0 1g.35gb 1x16 {0}:1; 7* 1g.35gb 1x26 {0}:2");
  EXPECT_EQ(computes("h100-nvl-94gb", 15), "0 1g.24gb 1x16 {0}:1; 7* 1g.24gb 1x26 {0}:2");
  EXPECT_EQ(computes("a100-sxm4-40gb", 15), "0* 1g.10gb 1x14 {0}:1");
  // No more SMs than a 1g: a second profile would equal the first.
  EXPECT_EQ(computes("h100-pcie-80gb", 15), "0* 1g.20gb 1x14 {0}:1");
}

// One name for two profiles: NVIDIA/go-nvml#146.
TEST(ComputeProfiles, OneNameTwiceInAnH100s2g) {
  EXPECT_EQ(computes("h100-sxm5-80gb", 14),
            "0 1c.2g.20gb 2x16 {0,1}:1; 7 1c.2g.20gb 1x26 {0}:2; 1* 2g.20gb 1x32 {0}:2");
}

TEST(ComputeProfiles, HopperPlacesInAlignedSlots) {
  EXPECT_EQ(computes("h100-sxm5-80gb", 9),
            "0 1c.3g.40gb 3x16 {0,1,2}:1; 7 1c.3g.40gb 2x26 {0,2}:2; 1 2c.3g.40gb 1x32 {0}:2; "
            "2* 3g.40gb 1x60 {0}:4");
  EXPECT_EQ(computes("h100-sxm5-80gb", 5),
            "0 1c.4g.40gb 4x16 {0,1,2,3}:1; 7 1c.4g.40gb 2x26 {0,2}:2; 1 2c.4g.40gb 2x32 {0,2}:2; "
            "3* 4g.40gb 1x64 {0}:4");
  EXPECT_EQ(computes("h200-141gb", 0),
            "0 1c.7g.141gb 7x16 {0,1,2,3,4,5,6}:1; 7 1c.7g.141gb 4x26 {0,2,4,6}:2; "
            "1 2c.7g.141gb 3x32 {0,2,4}:2; 2 3c.7g.141gb 2x60 {0,4}:4; 3 4c.7g.141gb 1x64 {0}:4; "
            "4* 7g.141gb 1x132 {0}:8");
  EXPECT_EQ(computes("rtx-pro-6000-server", 0),
            "0 1c.4g.96gb 4x46 {0,1,2,3}:1; 1 2c.4g.96gb 2x94 {0,2}:2; 3* 4g.96gb 1x188 {0}:4");
}

TEST(ComputeProfiles, AmperePlacesAtAnySlice) {
  EXPECT_EQ(computes("a100-sxm4-40gb", 9),
            "0 1c.3g.20gb 3x14 {0,1,2}:1; 1 2c.3g.20gb 1x28 {0,1}:2; 2* 3g.20gb 1x42 {0}:3");
  EXPECT_EQ(
      computes("a100-pcie-80gb", 0),
      "0 1c.7g.80gb 7x14 {0,1,2,3,4,5,6}:1; 1 2c.7g.80gb 3x28 {0,1,2,3,4,5}:2; "
      "2 3c.7g.80gb 2x42 {0,1,2,3,4}:3; 3 4c.7g.80gb 1x56 {0,1,2,3}:4; 4* 7g.80gb 1x98 {0}:7");
  EXPECT_EQ(computes("a30-24gb", 0),
            "0 1c.4g.24gb 4x14 {0,1,2,3}:1; 1 2c.4g.24gb 2x28 {0,1,2}:2; 3* 4g.24gb 1x56 {0}:4");
}

}  // namespace
}  // namespace migsim
