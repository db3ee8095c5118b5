// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "service/rightsize.h"
#include "service/rightsize_history.h"

namespace mig::service {
namespace {

// UUIDs, as a driver has them.
Gpu named(Gpu gpu) {
  for (GpuInstance& instance : gpu.instances) {
    for (ComputeInstance& compute : instance.compute_instances) {
      compute.uuid = "MIG-" + gpu.uuid + "-" + std::to_string(instance.id.value);
    }
  }
  return gpu;
}

Gpu h200(std::uint32_t index, const std::vector<std::pair<const char*, std::uint32_t>>& instances) {
  Gpu gpu = testing::board("h200_141gb", index);
  for (const auto& [profile, start] : instances) {
    testing::add_instance(gpu, profile, start);
  }
  return named(gpu);
}

std::vector<std::string> profiles_of(const RightsizePlaces& places) {
  std::vector<std::string> profiles;
  for (const RightsizePlace& place : places.at) {
    profiles.push_back(place.profile);
  }
  return profiles;
}

TEST(RightsizePlaces, OneOfEachProfileAlsoOnASecondGpuOfTheModel) {
  const Inventory machine = testing::inventory(
      {h200(0, {{"7g.141gb", 0}}), h200(1, {{"1g.18gb", 0}, {"2g.35gb", 2}, {"2g.35gb", 4}})});
  const auto places = rightsize_places(machine, {});
  ASSERT_TRUE(places) << places.error().text();
  EXPECT_EQ(profiles_of(*places), (std::vector<std::string>{"1g.18gb", "2g.35gb", "7g.141gb"}));
  EXPECT_TRUE(places->at.back().whole);
  EXPECT_FALSE(places->make);
}

TEST(RightsizePlaces, WhatIsBusyOrLeasedIsLeftOutAndNamed) {
  Gpu gpu = h200(0, {{"3g.71gb", 0}, {"2g.35gb", 4}});
  testing::add_process(gpu, gpu.instances.front(), 41);
  const std::string other = gpu.instances.back().compute_instances.front().uuid;
  const Inventory machine = testing::inventory({gpu});
  const auto free = rightsize_places(machine, {});
  ASSERT_TRUE(free);
  EXPECT_EQ(free->at.size(), 1U);
  RightsizeSelection selection;
  selection.taken[other] = "leased by team-a";
  const auto none = rightsize_places(machine, selection);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInUse);
  EXPECT_NE(none.error().message.find("leased by team-a"), std::string::npos);
  EXPECT_NE(none.error().message.find("41"), std::string::npos);
}

TEST(RightsizePlaces, InstancesAreMadeOnAnEmptyGpuOnly) {
  RightsizeSelection selection;
  selection.make = true;
  const auto made =
      rightsize_places(testing::inventory({h200(0, {{"1g.18gb", 0}}), h200(1, {})}), selection);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->make);
  EXPECT_EQ(made->gpu.index.value, 1U);
  EXPECT_EQ(made->at.back().profile, "7g.141gb");
  EXPECT_TRUE(std::all_of(
      made->at.begin(), made->at.end(), [](const auto& place) { return place.uuid.empty(); }));
  EXPECT_FALSE(rightsize_places(testing::inventory({h200(0, {{"1g.18gb", 0}})}), selection));
}

TEST(RightsizePlaces, WithoutMigTheGpuItself) {
  Gpu gpu = testing::board("h200_141gb");
  gpu.mig_current = MigMode::kDisabled;
  const auto places = rightsize_places(testing::inventory({gpu}), {});
  ASSERT_TRUE(places);
  ASSERT_EQ(places->at.size(), 1U);
  EXPECT_EQ(places->at.front().uuid, gpu.uuid);
  EXPECT_TRUE(places->at.front().profile.empty());
}

TEST(RightsizeSizes, SharesAreTheDriversFigures) {
  const auto sizes = rightsize::sizes_of(testing::board("h200_141gb"));
  std::vector<std::string> names;
  for (const rightsize::Size& size : sizes) {
    names.push_back(size.profile);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"}));
  // As a real H200 tells them: 60 of 132 SMs, half of the memory.
  EXPECT_NEAR(sizes[3].share.sm, 60.0 / 132, 1e-12);
  EXPECT_EQ(sizes[3].share.bandwidth, 0.5);
  EXPECT_EQ(sizes[3].price_share, 0.5);
  EXPECT_NEAR(sizes[4].price_share, 4.0 / 7, 1e-12);
}

SampleRow minute(std::int64_t at, const char* profile, double sm, std::int64_t mib) {
  SampleRow row;
  row.begin_s = 60 * at;
  row.period_s = 60;
  row.gpu_instance = 1;
  row.profile = profile;
  row.tenant = "team-a";
  row.job = "train";
  row.sm = static_cast<std::int64_t>(sm * 1e6);
  row.sm_max = row.sm;
  row.memory_max_bytes = mib << 20;
  return row;
}

std::vector<rightsize::PastUse> uses_of(const char* profile,
                                        double sm,
                                        std::int64_t mib,
                                        int minutes) {
  const Inventory machine = testing::inventory({h200(0, {})});
  std::vector<SampleRow> rows;
  for (int at = 0; at < minutes; ++at) {
    SampleRow row = minute(at, profile, sm, mib);
    row.gpu_uuid = machine.gpus.front().uuid;
    rows.push_back(row);
  }
  SampleRow whole = minute(0, "", 0.5, 1);
  whole.gpu_instance = -1;
  rows.push_back(whole);
  return past_uses(machine, rows, 0.1);
}

TEST(RightsizeHistory, JudgesByMemoryAndNeverClaimsSpeed) {
  const auto little = uses_of("3g.71gb", 0.1, 9000, 60);
  ASSERT_EQ(little.size(), 1U);
  EXPECT_EQ(little[0].verdict, "measure");
  EXPECT_EQ(little[0].smallest, "1g.18gb");
  EXPECT_EQ(little[0].minutes, 60U);
  EXPECT_EQ(little[0].until_ms, 60 * 60 * 1000);
  EXPECT_EQ(uses_of("3g.71gb", 0.9, 9000, 60)[0].verdict, "right");
  EXPECT_EQ(uses_of("3g.71gb", 0.001, 9000, 60)[0].verdict, "idle");
  EXPECT_EQ(uses_of("1g.18gb", 0.1, 9000, 60)[0].verdict, "right") << "nothing is smaller";
  EXPECT_EQ(uses_of("3g.71gb", 0.1, 60000, 60)[0].verdict, "right") << "2g does not hold it";
  EXPECT_EQ(uses_of("3g.71gb", 0.1, 9000, 3)[0].verdict, "unknown") << "three minutes are few";
}

}  // namespace
}  // namespace mig::service
