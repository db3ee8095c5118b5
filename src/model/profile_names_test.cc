// SPDX-License-Identifier: Apache-2.0
#include "model/profile_names.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model/compute_names.h"
#include "model/testing/test_boards.h"

namespace mig {
namespace {

constexpr std::uint64_t kH200Bytes = 150754820096;  // H200, 580.159.04
constexpr std::uint64_t kA100Bytes = 42949672960;

TEST(ProfileNames, TheDriversNameWins) {
  const ProfileName name = gpu_instance_name("MIG 1g.18gb+me", 7, 1, 16384, kH200Bytes);
  EXPECT_EQ(name.str(), "1g.18gb+me");
}

TEST(ProfileNames, DerivedNamesEqualTheDriversOnAnH200) {
  struct Named {
    std::uint32_t index, slices;
    std::uint64_t memory_mib;
    const char* name;
  };

  const Named rows[] = {{0, 1, 16384, "1g.18gb"},
                        {7, 1, 16384, "1g.18gb+me"},
                        {9, 1, 33280, "1g.35gb"},
                        {1, 2, 33280, "2g.35gb"},
                        {2, 3, 71424, "3g.71gb"},
                        {3, 4, 71424, "4g.71gb"},
                        {4, 7, 143360, "7g.141gb"}};
  for (const Named& row : rows) {
    EXPECT_EQ(gpu_instance_name("", row.index, row.slices, row.memory_mib, kH200Bytes).str(),
              row.name);
  }
  EXPECT_EQ(gpu_instance_name("", 0, 1, 4864, kA100Bytes).str(), "1g.5gb");
  EXPECT_EQ(gpu_instance_name("", 2, 3, 19968, kA100Bytes).str(), "3g.20gb");
}

// The driver's text may lack the attribute or have a wrong one; the profile's number is
// authoritative.
TEST(ProfileNames, TheAttributeFollowsFromTheNumberWhereTheTextLacksIt) {
  EXPECT_EQ(gpu_instance_name("MIG 1g.18gb", 7, 1, 16384, kH200Bytes).str(), "1g.18gb+me");
  EXPECT_EQ(gpu_instance_name("MIG 1g.24gb", 0xD, 1, 24192, 0).str(), "1g.24gb-me");
  EXPECT_EQ(gpu_instance_name("MIG 1g.24gb+new", 0, 1, 24192, 0).str(), "1g.24gb+new");
}

TEST(ProfileNames, ListingOrderIsNvidiaSmis) {
  // H200, 580.159.04: mig -lgip prints 19 20 15 14 9 5 0.
  std::vector<GpuInstanceProfile> profiles;
  for (const auto& [index, slices] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 7}, {7, 1}, {9, 1}, {0xD, 1}, {0xF, 1}, {0xA, 1}}) {
    GpuInstanceProfile profile;
    profile.nvml_profile = index;
    profile.slices = slices;
    profiles.push_back(profile);
  }
  std::sort(profiles.begin(), profiles.end(), before_in_listing);
  std::vector<std::uint32_t> order;
  for (const GpuInstanceProfile& profile : profiles) {
    order.push_back(profile.nvml_profile);
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 7, 9, 0xA, 0xF, 0xD, 1, 2, 3, 4}));
}

GpuInstanceProfile gi(std::uint32_t index,
                      std::uint32_t slices,
                      const char* name,
                      std::uint32_t sm,
                      std::uint32_t size) {
  GpuInstanceProfile profile;
  profile.nvml_profile = index;
  profile.slices = slices;
  profile.name = *ProfileName::parse(name);
  profile.sm = sm;
  profile.placements = {{0, size}};
  return profile;
}

std::vector<GpuInstanceProfile> a100() {
  return {gi(0, 1, "1g.5gb", 14, 1),
          gi(1, 2, "2g.10gb", 28, 2),
          gi(2, 3, "3g.20gb", 42, 4),
          gi(3, 4, "4g.20gb", 56, 4),
          gi(4, 7, "7g.40gb", 98, 8),
          gi(7, 1, "1g.5gb+me", 14, 1),
          gi(9, 1, "1g.10gb", 14, 2)};
}

std::vector<GpuInstanceProfile> h100() {
  return {gi(0, 1, "1g.10gb", 16, 1),
          gi(1, 2, "2g.20gb", 32, 2),
          gi(2, 3, "3g.40gb", 60, 4),
          gi(3, 4, "4g.40gb", 64, 4),
          gi(4, 7, "7g.80gb", 132, 8),
          gi(7, 1, "1g.10gb+me", 16, 1),
          gi(9, 1, "1g.20gb", 26, 2)};
}

std::string derived(const std::vector<GpuInstanceProfile>& all, const char* name) {
  std::string out;
  for (const GpuInstanceProfile& profile : all) {
    if (profile.name.str() != name) {
      continue;
    }
    for (const ComputeInstanceProfile& compute : derive_compute_profiles(profile, all)) {
      out += compute.name.str() + " x" + std::to_string(compute.max_count) + " id " +
             std::to_string(compute.nvml_profile) + " sm " +
             std::to_string(compute.sm.value_or(0)) + "; ";
    }
  }
  return out;
}

TEST(ProfileNames, DerivedComputeProfilesEqualListedOnes) {
  EXPECT_EQ(derived(a100(), "2g.10gb"), "1c.2g.10gb x2 id 0 sm 14; 2g.10gb x1 id 1 sm 28; ");
  EXPECT_EQ(derived(a100(), "3g.20gb"),
            "1c.3g.20gb x3 id 0 sm 14; 2c.3g.20gb x1 id 1 sm 28; 3g.20gb x1 id 2 sm 42; ");
  EXPECT_EQ(derived(a100(), "4g.20gb"),
            "1c.4g.20gb x4 id 0 sm 14; 2c.4g.20gb x2 id 1 sm 28; 4g.20gb x1 id 3 sm 56; ");
  EXPECT_EQ(derived(a100(), "7g.40gb"),
            "1c.7g.40gb x7 id 0 sm 14; 2c.7g.40gb x3 id 1 sm 28; 3c.7g.40gb x2 id 2 sm 42; "
            "4c.7g.40gb x1 id 3 sm 56; 7g.40gb x1 id 4 sm 98; ");
  EXPECT_EQ(derived(a100(), "1g.5gb+me"), "1g.5gb+me x1 id 0 sm 14; ");
  EXPECT_EQ(derived(a100(), "1g.10gb"), "1g.10gb x1 id 0 sm 14; ") << "both have 14 SMs";
}

TEST(ProfileNames, WhereDoubleMemoryHasMoreSmsItsComputeProfileIsThereToo) {
  EXPECT_EQ(derived(h100(), "1g.10gb"), "1g.10gb x1 id 0 sm 16; ");
  EXPECT_EQ(derived(h100(), "1g.20gb"), "1g.20gb@16sm x1 id 0 sm 16; 1g.20gb x1 id 7 sm 26; ");
  EXPECT_EQ(derived(h100(), "2g.20gb"),
            "1c.2g.20gb x2 id 0 sm 16; 2g.20gb x1 id 1 sm 32; 1c.2g.20gb@26sm x1 id 7 sm 26; ");
}

std::string told(const ComputeInstanceProfile& compute) {
  return compute.name.str() + " id " + std::to_string(compute.nvml_profile) + " slices " +
         std::to_string(compute.slices) + " x" + std::to_string(compute.max_count) + " sm " +
         std::to_string(compute.sm.value_or(0));
}

// The compute profiles derived before an instance exists equal those that the driver reports
// afterwards, on every board.
TEST(ProfileNames, DerivedComputeProfilesAreThoseOfEveryBoard) {
  for (const std::string& key : testing::board_keys()) {
    const Gpu gpu = testing::board(key);
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      std::vector<std::string> derived_ones;
      std::vector<std::string> told_ones;
      for (const ComputeInstanceProfile& compute : derive_compute_profiles(profile, gpu.profiles)) {
        derived_ones.push_back(told(compute));
        const auto* known = find_compute_profile(profile, compute.name);
        ASSERT_NE(known, nullptr) << key << " " << told(compute);
        if (compute.span != 0) {
          EXPECT_EQ(compute.span, known->placements.at(0).size) << key << " " << told(compute);
        }
      }
      for (const ComputeInstanceProfile& compute : profile.compute_profiles) {
        told_ones.push_back(told(compute));
      }
      std::sort(derived_ones.begin(), derived_ones.end());
      std::sort(told_ones.begin(), told_ones.end());
      EXPECT_EQ(derived_ones, told_ones) << key << " " << profile.name.str();
    }
  }
}

}  // namespace
}  // namespace mig
