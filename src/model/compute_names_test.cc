// SPDX-License-Identifier: Apache-2.0
#include "model/compute_names.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mig {
namespace {

ProfileName name(const char* text) {
  return ProfileName::parse(text).value();
}

struct Row {
  std::uint32_t number, slices;
  std::optional<std::uint32_t> sm;
};

GpuInstanceProfile with(const char* gpu_instance, const std::vector<Row>& rows) {
  GpuInstanceProfile profile;
  profile.name = name(gpu_instance);
  profile.slices = profile.name.gpu_slices;
  for (const Row& row : rows) {
    profile.compute_profiles.push_back({row.number, {}, row.slices, 1, row.sm, {}});
  }
  name_compute_profiles(profile.name, profile.compute_profiles);
  return profile;
}

std::string names(const GpuInstanceProfile& profile) {
  std::string out;
  for (const ComputeInstanceProfile& one : profile.compute_profiles) {
    out += (out.empty() ? "" : " ") + one.name.str();
  }
  return out;
}

TEST(ComputeNames, SizeAndAttributesAreTheGpuInstances) {
  EXPECT_EQ(names(with("1g.10gb+me", {{0, 1, 16}})), "1g.10gb+me");
  EXPECT_EQ(names(with("2g.48gb-me", {{0, 1, 46}, {1, 2, 94}})), "1c.2g.48gb-me 2g.48gb-me");
}

TEST(ComputeNames, OfThoseThatFillTheGpuInstanceTheLargestIsPlain) {
  EXPECT_EQ(names(with("1g.20gb", {{0, 1, 16}, {7, 1, 26}})), "1g.20gb@16sm 1g.20gb");
  EXPECT_EQ(names(with("1g.20gb", {{7, 1, 26}, {0, 1, 16}})), "1g.20gb 1g.20gb@16sm");
  EXPECT_EQ(names(with("1g.10gb", {{0, 1, 14}})), "1g.10gb");
  EXPECT_EQ(names(with("1g.10gb", {{7, 1, 14}})), "1g.10gb");
}

TEST(ComputeNames, OfPartsTheLowestNumberIsPlain) {
  EXPECT_EQ(names(with("2g.20gb", {{0, 1, 16}, {7, 1, 26}, {1, 2, 32}})),
            "1c.2g.20gb 1c.2g.20gb@26sm 2g.20gb");
  EXPECT_EQ(names(with("2g.20gb", {{7, 1, 26}, {1, 2, 32}})), "1c.2g.20gb 2g.20gb");
}

// A 7g may have profiles 4 and 8 (7_SLICE_NVL) of equal SMs: dra-driver-nvidia-gpu#1480.
TEST(ComputeNames, EqualOrUnknownSmsAreToldApartByTheId) {
  EXPECT_EQ(names(with("7g.40gb", {{4, 7, 98}, {8, 7, 98}})), "7g.40gb 7g.40gb@ci8");
  EXPECT_EQ(names(with("2g.20gb", {{0, 1, {}}, {7, 1, {}}})), "1c.2g.20gb 1c.2g.20gb@ci7");
  EXPECT_EQ(names(with("2g.20gb", {{0, 1, 16}, {7, 1, 26}, {9, 1, 26}})),
            "1c.2g.20gb 1c.2g.20gb@ci7 1c.2g.20gb@ci9");
}

TEST(ComputeNames, EveryNameFindsItsProfileAgain) {
  for (const GpuInstanceProfile& profile : {with("1g.20gb", {{0, 1, 16}, {7, 1, 26}}),
                                            with("2g.20gb", {{0, 1, 16}, {7, 1, 26}, {1, 2, 32}}),
                                            with("7g.40gb", {{0, 1, 14}, {4, 7, 98}, {8, 7, 98}}),
                                            with("2g.20gb+me", {{0, 1, {}}, {7, 1, {}}})}) {
    for (const ComputeInstanceProfile& one : profile.compute_profiles) {
      EXPECT_EQ(find_compute_profile(profile, name(one.name.str().c_str())), &one)
          << one.name.str();
    }
  }
}

TEST(ComputeNames, AUserMayNameAnyByItsSmsOrItsId) {
  const GpuInstanceProfile two = with("2g.20gb", {{0, 1, 16}, {7, 1, 26}, {1, 2, 32}});
  const auto number = [](const GpuInstanceProfile& in, const char* text) {
    const ComputeInstanceProfile* found = find_compute_profile(in, name(text));
    return found == nullptr ? -1 : static_cast<int>(found->nvml_profile);
  };
  EXPECT_EQ(number(two, "1c.2g.20gb"), 0);
  EXPECT_EQ(number(two, "1c.2g.20gb@16sm"), 0);
  EXPECT_EQ(number(two, "1c.2g.20gb@26sm"), 7);
  EXPECT_EQ(number(two, "1c.2g.20gb@ci7"), 7);
  EXPECT_EQ(number(two, "2g.20gb@32sm"), 1);
  EXPECT_EQ(number(two, "1c.2g.20gb@20sm"), -1);
  EXPECT_EQ(number(two, "2g.20gb@ci7"), -1) << "of two slices there is no profile 7";
  const GpuInstanceProfile seven = with("7g.40gb", {{4, 7, 98}, {8, 7, 98}});
  EXPECT_EQ(number(seven, "7g.40gb@98sm"), 4) << "of equals the plain one";
  EXPECT_EQ(number(seven, "7g.40gb@ci8"), 8);
  EXPECT_EQ(number(seven, "7g.39gb"), 4) << "another driver's rounding";
}

TEST(ComputeNames, WhatAWordMeansOfAnInstance) {
  EXPECT_TRUE(means(name("1g.20gb"), name("1g.20gb"), 26, 7));
  EXPECT_FALSE(means(name("1g.20gb"), name("1g.20gb@16sm"), 16, 0));
  EXPECT_TRUE(means(name("1g.20gb@16sm"), name("1g.20gb@16sm"), 16, 0));
  EXPECT_TRUE(means(name("1g.20gb@26sm"), name("1g.20gb"), 26, 7));
  EXPECT_TRUE(means(name("1g.20gb@ci0"), name("1g.20gb@16sm"), 16, 0));
  EXPECT_FALSE(means(name("1g.20gb@26sm"), name("1g.20gb"), std::nullopt, 7)) << "not known";
  EXPECT_FALSE(means(name("1g.20gb"), name("1g.20gb+me"), 26, 0));
  EXPECT_FALSE(means(name("1c.2g.20gb"), name("2g.20gb"), 32, 1));
}

}  // namespace
}  // namespace mig
