// SPDX-License-Identifier: Apache-2.0
#include "model/free_report.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

FreeReport three_sizes() {
  FreeReport report;
  const auto add = [&](const char* profile, std::uint64_t memory_mib) {
    InstanceState& one = report.instances.emplace_back();
    one.instance.profile = *ProfileName::parse(profile);
    one.instance.memory_mib = memory_mib;
  };
  add("1g.5gb", 4864);
  add("2g.10gb", 9856);
  add("3g.20gb", 19968);
  return report;
}

Need memory(std::uint64_t mib) {
  Need need;
  need.min_memory_mib = mib;
  return need;
}

TEST(FreeReport, StatesHaveNames) {
  for (const Occupancy state : {Occupancy::kFree,
                                Occupancy::kShared,
                                Occupancy::kLeased,
                                Occupancy::kEnding,
                                Occupancy::kInUse}) {
    EXPECT_EQ(parse_occupancy(name_of(state)), state);
  }
  EXPECT_FALSE(parse_occupancy("busy"));
}

TEST(FreeReport, WhatIsJustTooSmallIsToldWithWhatIsTaken) {
  const auto miss = near_miss(three_sizes(), memory(10240), false);
  ASSERT_TRUE(miss);
  EXPECT_EQ(miss->profile.str(), "2g.10gb");
  EXPECT_EQ(miss->memory_mib, 9856U);
  EXPECT_EQ(miss->taken.str(), "3g.20gb");
}

TEST(FreeReport, NothingIsToldWhereNothingJustMisses) {
  EXPECT_FALSE(near_miss(three_sizes(), memory(9537), false));   // it fits
  EXPECT_FALSE(near_miss(three_sizes(), memory(15360), false));  // far from it
  EXPECT_FALSE(near_miss(three_sizes(), memory(20480), false));  // none would be taken
  EXPECT_FALSE(near_miss(three_sizes(), Need{}, false));
  Need named = memory(10240);
  named.profile = *ProfileName::parse("3g.20gb");
  EXPECT_FALSE(near_miss(three_sizes(), named, false));
}

TEST(FreeReport, WhatCouldBeMadeCountsForWhoMakesIt) {
  FreeReport report = three_sizes();
  report.instances.erase(report.instances.begin() + 1);
  report.makeable.push_back({*ProfileName::parse("2g.10gb"), 1, 28, 2, 9856});
  EXPECT_FALSE(near_miss(report, memory(10240), false));
  EXPECT_TRUE(near_miss(report, memory(10240), true));
  report.makeable.front().count = 0;
  EXPECT_FALSE(near_miss(report, memory(10240), true));
}

}  // namespace
}  // namespace mig
