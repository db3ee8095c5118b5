// SPDX-License-Identifier: Apache-2.0
#include "device/profile_names.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mig::device {
namespace {

constexpr std::uint64_t kH200Bytes = 150754820096;  // H200, 580.159.04
constexpr std::uint64_t kA100Bytes = 42949672960;

TEST(ProfileNames, TheDriversNameWins) {
  const ProfileName name = gpu_instance_name("MIG 1g.18gb+me", 7, 1, 16384, kH200Bytes);
  EXPECT_EQ(name.str(), "1g.18gb+me");
}

TEST(ProfileNames, DerivedNamesEqualTheDriversOnAnH200) {
  struct Row {
    std::uint32_t index, slices;
    std::uint64_t memory_mib;
    const char* name;
  };

  const Row rows[] = {{0, 1, 16384, "1g.18gb"},
                      {7, 1, 16384, "1g.18gb+me"},
                      {9, 1, 33280, "1g.35gb"},
                      {1, 2, 33280, "2g.35gb"},
                      {2, 3, 71424, "3g.71gb"},
                      {3, 4, 71424, "4g.71gb"},
                      {4, 7, 143360, "7g.141gb"}};
  for (const Row& row : rows)
    EXPECT_EQ(gpu_instance_name("", row.index, row.slices, row.memory_mib, kH200Bytes).str(),
              row.name);
  EXPECT_EQ(gpu_instance_name("", 0, 1, 4864, kA100Bytes).str(), "1g.5gb");
  EXPECT_EQ(gpu_instance_name("", 2, 3, 19968, kA100Bytes).str(), "3g.20gb");
}

TEST(ProfileNames, ComputeInstancesArePartsOfTheirGpuInstance) {
  const ProfileName gi = *ProfileName::parse("3g.71gb");
  EXPECT_EQ(compute_instance_name("", 1, gi).str(), "1c.3g.71gb");
  EXPECT_EQ(compute_instance_name("", 3, gi).str(), "3g.71gb");
  EXPECT_EQ(compute_instance_name("MIG 2c.3g.71gb", 2, gi).str(), "2c.3g.71gb");
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
  for (const GpuInstanceProfile& profile : profiles)
    order.push_back(profile.nvml_profile);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 7, 9, 0xA, 0xF, 0xD, 1, 2, 3, 4}));
}

std::string derived(std::uint32_t index, std::uint32_t slices, const char* name) {
  GpuInstanceProfile profile;
  profile.nvml_profile = index;
  profile.slices = slices;
  profile.name = *ProfileName::parse(name);
  std::string out;
  for (const ComputeInstanceProfile& compute : derive_compute_profiles(profile))
    out += compute.name.str() + " x" + std::to_string(compute.max_count) + " id " +
           std::to_string(compute.nvml_profile) + "; ";
  return out;
}

TEST(ProfileNames, DerivedComputeProfilesEqualListedOnes) {
  EXPECT_EQ(derived(1, 2, "2g.10gb"), "1c.2g.10gb x2 id 0; 2g.10gb x1 id 1; ");
  EXPECT_EQ(derived(2, 3, "3g.20gb"), "1c.3g.20gb x3 id 0; 2c.3g.20gb x1 id 1; 3g.20gb x1 id 2; ");
  EXPECT_EQ(derived(3, 4, "4g.20gb"), "1c.4g.20gb x4 id 0; 2c.4g.20gb x2 id 1; 4g.20gb x1 id 3; ");
  EXPECT_EQ(derived(4, 7, "7g.40gb"),
            "1c.7g.40gb x7 id 0; 2c.7g.40gb x3 id 1; 3c.7g.40gb x2 id 2; 4c.7g.40gb x1 id 3; "
            "7g.40gb x1 id 4; ");
  EXPECT_EQ(derived(9, 1, "1g.10gb"), "1g.10gb x1 id 7; ");
}

}  // namespace
}  // namespace mig::device
