// SPDX-License-Identifier: Apache-2.0
#include "cli/select.h"

#include <gtest/gtest.h>

#include "wire/testdata/sample.h"

namespace mig::cli {
namespace {

TEST(SelectGpu, ByIndexUuidAndBusId) {
  const Inventory inventory = sample::inventory();
  for (const char* word :
       {"1", "GPU-66666666-7777-8888-9999-000000000000", "00000000:18:00.0", "18:00.0"}) {
    const auto found = select_gpu(inventory, word);
    ASSERT_TRUE(found) << word;
    EXPECT_EQ(found->value, 1U);
  }
  EXPECT_EQ(select_gpus(inventory, {"1", "0", "1"})->size(), 2U);
  EXPECT_EQ(select_gpus(inventory, {"all"})->size(), 2U);
}

TEST(SelectGpu, NothingMatchedIsAnError) {
  const Inventory inventory = sample::inventory();
  for (const char* word : {"2", "00", "-1", "GPU-6", "0", ""}) {
    const auto found = select_gpu(inventory, word);
    if (std::string(word) == "0") {
      EXPECT_TRUE(found);
      continue;
    }
    ASSERT_FALSE(found) << word;
    EXPECT_EQ(found.error().code, ErrorCode::kNothingMatched);
    EXPECT_NE(found.error().hint.find("GPU 0, 1"), std::string::npos);
  }
  EXPECT_FALSE(select_gpus(Inventory{}, {"all"}));
}

TEST(SelectGpu, AGpuThatCannotBeOpenedIsNeverPassedOver) {
  Inventory inventory = sample::inventory();
  inventory.lost = {{GpuIndex{7}, Error{ErrorCode::kDeviceLost, "GPU is lost", {}, {}, 15}}};
  const auto lost = [](const auto& found) {
    return !found && found.error().code == ErrorCode::kDeviceLost;
  };
  EXPECT_TRUE(lost(select_gpu(inventory, "7")));
  EXPECT_TRUE(lost(select_gpu(inventory, "GPU-of-somebody"))) << "it may be that one";
  EXPECT_TRUE(lost(select_gpus(inventory, {})));
  EXPECT_TRUE(lost(select_gpus(inventory, {"all"})));
  EXPECT_TRUE(lost(select_gpus(inventory, {"0", "7"})));
  EXPECT_TRUE(select_gpus(inventory, {"0", "1"})) << "what does not name it is not hindered";
  EXPECT_EQ(select_gpu(inventory, "6").error().code, ErrorCode::kNothingMatched);
  Inventory shown = inventory;
  EXPECT_TRUE(keep_gpus(shown, {}));
  EXPECT_EQ(shown.lost.size(), 1U) << "to be shown as lost";
  EXPECT_TRUE(keep_gpus(shown, {"0"}));
  EXPECT_TRUE(shown.lost.empty());
}

TEST(ParseInstance, NamesIdsStartsAndComputePart) {
  const Gpu gpu = sample::inventory().gpus[0];
  EXPECT_EQ(parse_instance(gpu, "9", true)->profile.str(), "3g.20gb");
  EXPECT_EQ(parse_instance(gpu, "3g.20gb:4", true)->placement, (Placement{4, 4}));
  const auto part = parse_instance(gpu, "1c.3g.20gb", true);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->profile.str(), "3g.20gb");
  EXPECT_EQ(part->compute_instances.at(0).str(), "1c.3g.20gb");
  EXPECT_TRUE(parse_instance(gpu, "2g.10gb", false)->compute_instances.empty());
}

TEST(ParseInstance, AComputeInstanceMayHaveItsPlace) {
  Gpu gpu = sample::inventory().gpus[0];
  for (GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.name.str() == "3g.20gb") {
      ComputeInstanceProfile one;
      one.name = *ProfileName::parse("1c.3g.20gb");
      one.placements = {{0, 1}, {2, 1}};
      profile.compute_profiles.insert(profile.compute_profiles.begin(), one);
    }
  }
  const auto at = parse_instance(gpu, "1c.3g.20gb:4/2", true);
  ASSERT_TRUE(at) << at.error().text();
  EXPECT_EQ(at->placement, (Placement{4, 4}));
  ASSERT_EQ(at->compute_placements.size(), 1U);
  EXPECT_EQ(at->compute_placements[0], (Placement{2, 1}));
  const auto other = parse_instance(gpu, "1c.3g.20gb:4/1", true);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().hint, "it may start at 0, 2");
  EXPECT_FALSE(parse_instance(gpu, "3g.20gb:4/0", false)) << "none is asked for";
  EXPECT_FALSE(parse_instance(gpu, "1c.3g.20gb:4/", true));
  EXPECT_FALSE(parse_instance(gpu, "1c.3g.20gb/0", true));
}

TEST(ParseInstance, ComputeProfilesOfEqualSlicesAreNamedByTheirSms) {
  Gpu gpu;
  GpuInstanceProfile profile;
  profile.name = *ProfileName::parse("2g.20gb");
  profile.placements = {{0, 2}, {2, 2}};
  const ProfileName part = *ProfileName::parse("1c.2g.20gb");
  const ProfileName larger = *ProfileName::parse("1c.2g.20gb@26sm");
  profile.compute_profiles = {{0, part, 1, 2, 16, {}}, {7, larger, 1, 1, 26, {}}};
  gpu.profiles = {profile};
  const auto compute = [&](const char* word) {
    const auto instance = parse_instance(gpu, word, true);
    return instance ? instance->compute_instances.at(0).str() : instance.error().hint;
  };
  EXPECT_EQ(compute("1c.2g.20gb"), "1c.2g.20gb");
  EXPECT_EQ(compute("1c.2g.20gb@16sm:2"), "1c.2g.20gb");
  EXPECT_EQ(compute("1c.2g.20gb@26sm:2"), "1c.2g.20gb@26sm");
  EXPECT_EQ(compute("1c.2g.20gb@ci7"), "1c.2g.20gb@26sm");
  EXPECT_EQ(compute("1c.2g.20gb@20sm"), "inside 2g.20gb there are 1c.2g.20gb, 1c.2g.20gb@26sm");
  EXPECT_EQ(parse_instance(gpu, "1c.2g.20gb@26sm:2", true)->placement, (Placement{2, 2}));
}

TEST(ParseInstance, Refusals) {
  const Gpu gpu = sample::inventory().gpus[0];
  const auto unknown = parse_instance(gpu, "3g.40gb", true);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotSupported);
  EXPECT_NE(unknown.error().hint.find("3g.20gb"), std::string::npos) << unknown.error().hint;
  const auto start = parse_instance(gpu, "3g.20gb:2", true);
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().hint, "it may start at 0, 4");
  EXPECT_FALSE(parse_instance(gpu, "3g.20gb:", true));
  EXPECT_FALSE(parse_instance(gpu, "1c.3g.20gb", false));
  EXPECT_FALSE(parse_instance(gpu, "77", true));
  EXPECT_FALSE(parse_instance(gpu, "", true));
}

}  // namespace
}  // namespace mig::cli
