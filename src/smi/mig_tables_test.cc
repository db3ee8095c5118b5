// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_tables.h"

#include <gtest/gtest.h>

#include "smi/golden.h"

namespace mig::smi {
namespace {

// Output recorded on an H200, 580.159.04.
std::vector<GiProfileRow> h200_profiles() {
  return {
      {0, 19, 7, 7, 16384, false, 16, 1, 0, 1, 1, 0, "MIG 1g.18gb"},
      {0, 20, 1, 1, 16384, false, 16, 1, 0, 1, 1, 1, "MIG 1g.18gb+me"},
      {0, 15, 4, 4, 33280, false, 26, 1, 0, 1, 1, 0, "MIG 1g.35gb"},
      {0, 14, 3, 3, 33280, false, 32, 2, 0, 2, 2, 0, "MIG 2g.35gb"},
      {0, 9, 2, 2, 71424, false, 60, 3, 0, 3, 3, 0, "MIG 3g.71gb"},
      {0, 5, 1, 1, 71424, false, 64, 4, 0, 4, 4, 0, "MIG 4g.71gb"},
      {0, 0, 1, 1, 143360, false, 132, 7, 0, 8, 7, 1, "MIG 7g.141gb"},
  };
}

TEST(MigTables, GpuInstanceProfilesOfAnH200) {
  EXPECT_EQ(gi_profile_table(h200_profiles()), golden("h200_580_lgip.txt"));
}

TEST(MigTables, PlacementsOfAnH200) {
  const std::string lines = gi_placement_line({0, 19, {0, 1, 2, 3, 4, 5, 6}, 1}) +
                            gi_placement_line({0, 20, {0, 1, 2, 3, 4, 5, 6}, 1}) +
                            gi_placement_line({0, 15, {0, 2, 4, 6}, 2}) +
                            gi_placement_line({0, 14, {0, 2, 4}, 2}) +
                            gi_placement_line({0, 9, {0, 4}, 4}) +
                            gi_placement_line({0, 5, {0}, 4}) + gi_placement_line({0, 0, {0}, 8});
  EXPECT_EQ(lines, golden("h200_580_lgipp.txt"));
}

TEST(MigTables, GpuInstances) {
  EXPECT_EQ(gi_table({{0, "MIG 1g.24gb", 14, 5, 6, 3},
                      {0, "MIG 1g.24gb", 14, 6, 9, 3},
                      {0, "MIG 2g.48gb", 5, 1, 0, 6}}),
            golden("rtx_pro_6000_580_lgi.txt"));
}

TEST(MigTables, ComputeInstances) {
  EXPECT_EQ(ci_table({{0, 11, "MIG 1g.5gb", 0, 0, 0, 1}}), golden("a100_lci.txt"));
}

TEST(MigTables, ComputeInstanceProfilesMarkTheDefault) {
  EXPECT_EQ(ci_profile_table({{0, 1, "MIG 1c.3g.40gb", 0, false, 3, 3, 14, 2, 0, 0, 3, 0},
                              {0, 1, "MIG 3g.40gb", 2, true, 1, 1, 42, 2, 0, 0, 3, 0}}),
            golden("a100_lcip.txt"));
}

TEST(MigTables, EveryLineIsAsWideAsItsFrame) {
  const std::vector<GiProfileRow> wide = {
      {12, 65, 0, 1, 24192, true, 188, 4, 4, 1, 4, 1, "MIG 1g.24gb+me.all"}};
  for (const std::string& table : {gi_profile_table(wide),
                                   gi_table({{12, "MIG 4g.96gb+gfx", 32, 14, 10, 12}}),
                                   ci_table({{12, 14, "MIG 1c.4g.96gb+gfx", 10, 6, 3, 4}})}) {
    const std::size_t width = table.find('\n');
    for (std::size_t at = 0; at < table.size(); at = table.find('\n', at) + 1) {
      EXPECT_EQ(table.find('\n', at) - at, width) << table;
    }
  }
}

}  // namespace
}  // namespace mig::smi
