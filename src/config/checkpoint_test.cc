// SPDX-License-Identifier: Apache-2.0
#include "config/checkpoint.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"

namespace mig::config {
namespace {

using testing::add_instance;
using testing::board;
using testing::inventory;

Inventory mixed() {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4, {"2c.3g.20gb", "1c.3g.20gb"});
  add_instance(gpu, "1g.5gb", 2);
  gpu.instances[0].compute_instances[1].uuid = "MIG-one";
  Gpu off = board("a100_sxm4_40gb", 1);
  off.mig_current = off.mig_pending = MigMode::kDisabled;
  return inventory({gpu, off});
}

Checkpoint parsed(const std::string& text) {
  auto checkpoint = parse_checkpoint(text, "c.json");
  EXPECT_TRUE(checkpoint) << checkpoint.error().text();
  return checkpoint ? *checkpoint : Checkpoint{};
}

TEST(Checkpoint, RecordsAndWishesEveryPlace) {
  const Inventory machine = mixed();
  const auto text = checkpoint_text(machine);
  ASSERT_TRUE(text);
  const Checkpoint checkpoint = parsed(*text);
  EXPECT_TRUE(checkpoint.complete);
  const auto wish = wish_of(checkpoint, machine);
  ASSERT_TRUE(wish) << wish.error().text();
  ASSERT_EQ(wish->gpus.size(), 2U);
  EXPECT_FALSE(wish->gpus[1].mig_enabled);
  const DesiredGpu& gpu = wish->gpus[0];
  EXPECT_TRUE(gpu.mig_enabled);
  ASSERT_EQ(gpu.instances.size(), 2U);
  EXPECT_EQ(gpu.instances[0].profile.str(), "3g.20gb");
  EXPECT_EQ(gpu.instances[0].placement, (Placement{4, 4}));
  ASSERT_EQ(gpu.instances[0].compute_placements.size(), 2U);
  EXPECT_EQ(gpu.instances[0].compute_instances[1].str(), "1c.3g.20gb");
  EXPECT_EQ(gpu.instances[0].compute_placements[1], (Placement{2, 1}));
  EXPECT_TRUE(wish->warnings.empty());
}

// A document in mig-parted's format: profile numbers are NVML's, without compute placements.
TEST(Checkpoint, ReadsMigParteds) {
  const Inventory machine = mixed();
  const Checkpoint checkpoint =
      parsed(R"({"Version":"v1","MigState":{"Devices":[{"UUID":")" + machine.gpus[0].uuid +
             R"(","MigMode":1,"GpuInstances":[{"ProfileID":2,"Placement":{"Start":0,"Size":4},)"
             R"("ComputeInstances":[{"ProfileID":0,"EngProfileID":0}]}]}]}})");
  EXPECT_FALSE(checkpoint.complete);
  const auto wish = wish_of(checkpoint, machine);
  ASSERT_TRUE(wish) << wish.error().text();
  ASSERT_EQ(wish->gpus.size(), 1U);
  const DesiredInstance& instance = wish->gpus[0].instances.at(0);
  EXPECT_EQ(instance.profile.str(), "3g.20gb");
  EXPECT_EQ(instance.placement, (Placement{0, 4}));
  EXPECT_EQ(instance.compute_instances.at(0).str(), "1c.3g.20gb");
  EXPECT_EQ(instance.compute_placements.at(0), std::nullopt);
  ASSERT_EQ(wish->warnings.size(), 1U);
  EXPECT_NE(wish->warnings[0].find("GPU 1"), std::string::npos) << wish->warnings[0];
}

// Boards number the full size of a double-memory 1g as 7; mig-parted's files may have 0.
TEST(Checkpoint, AComputeProfileIsFoundByItsSizeToo) {
  const Inventory machine = inventory({board("a100_sxm4_40gb")});
  const Checkpoint checkpoint =
      parsed(R"({"Version":"v1","MigState":{"Devices":[{"UUID":")" + machine.gpus[0].uuid +
             R"(","MigMode":1,"GpuInstances":[{"ProfileID":9,"Placement":{"Start":0,"Size":2},)"
             R"("ComputeInstances":[{"ProfileID":0,"EngProfileID":0}]}]}]}})");
  const auto wish = wish_of(checkpoint, machine);
  ASSERT_TRUE(wish) << wish.error().text();
  EXPECT_EQ(wish->gpus[0].instances[0].compute_instances.at(0).str(), "1g.10gb");
}

// Two compute profiles of equal slices are both restored as they were; a number unknown to the
// board means the plain profile.
TEST(Checkpoint, ComputeProfilesOfEqualSlicesAreToldApart) {
  Gpu gpu = board("h100_sxm5_80gb");
  add_instance(gpu, "1g.20gb", 0);
  add_instance(gpu, "1g.20gb", 2, {"1g.20gb@16sm"});
  add_instance(gpu, "2g.20gb", 4, {"1c.2g.20gb@26sm"});
  add_instance(gpu, "1g.10gb+me", 6);
  const Inventory machine = inventory({gpu});
  const auto wish = wish_of(parsed(checkpoint_text(machine).value()), machine);
  ASSERT_TRUE(wish) << wish.error().text();
  std::vector<std::string> names;
  for (const DesiredInstance& instance : wish->gpus[0].instances) {
    names.push_back(instance.compute_instances.at(0).str());
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"1g.20gb", "1g.20gb@16sm", "1c.2g.20gb@26sm", "1g.10gb+me"}));
  Gpu ampere = board("a100_sxm4_80gb");
  const Inventory other = inventory({ampere});
  const auto plain = wish_of(
      parsed(R"({"Version":"v1","MigState":{"Devices":[{"UUID":")" + ampere.uuid +
             R"(","MigMode":1,"GpuInstances":[{"ProfileID":9,"Placement":{"Start":0,"Size":2},)"
             R"("ComputeInstances":[{"ProfileID":7,"EngProfileID":0}]}]}]}})"),
      other);
  ASSERT_TRUE(plain) << plain.error().text();
  EXPECT_EQ(plain->gpus[0].instances[0].compute_instances[0].str(), "1g.20gb");
}

TEST(Checkpoint, WhatTheMachineDoesNotHaveIsRefused) {
  const auto text = checkpoint_text(mixed());
  ASSERT_TRUE(text);
  const Checkpoint checkpoint = parsed(*text);
  EXPECT_EQ(wish_of(checkpoint, inventory({board("a100_sxm4_40gb", 5)})).error().code,
            ErrorCode::kNothingMatched);
  Inventory other = mixed();
  other.gpus[0].profiles.erase(
      std::remove_if(other.gpus[0].profiles.begin(),
                     other.gpus[0].profiles.end(),
                     [](const auto& profile) { return profile.nvml_profile == 2; }),
      other.gpus[0].profiles.end());
  EXPECT_EQ(wish_of(checkpoint, other).error().code, ErrorCode::kNotSupported);
  other.gpus[0].instances_complete = false;
  EXPECT_EQ(checkpoint_text(other).error().code, ErrorCode::kPermission);
}

TEST(Checkpoint, TellsWhatHasAnotherUuidNow) {
  Inventory machine = mixed();
  const Checkpoint checkpoint = parsed(checkpoint_text(machine).value());
  EXPECT_TRUE(renamed(checkpoint, machine).empty());
  machine.gpus[0].instances[0].compute_instances[1].uuid = "MIG-two";
  EXPECT_EQ(renamed(checkpoint, machine),
            std::vector<std::string>{"GPU 0 1c.3g.20gb at 4:4: MIG-one is now MIG-two"});
}

TEST(Checkpoint, DamagedFilesAreRefusedWithThePlace) {
  const struct {
    const char* text;
    const char* said;
  } kRows[] = {
      {"{", "c.json is not JSON"},
      {"{}", "c.json: has no member Version"},
      {R"({"Version":"v2"})", "c.json: has Version \"v2\": this migctl knows v1"},
      {R"({"apiVersion":"migctl/v9","Version":"v1"})", "has apiVersion \"migctl/v9\""},
      {R"({"Version":"v1","MigState":{"Devices":[]}})", "c.json: MigState.Devices is empty"},
      {R"({"Version":"v1","MigState":{"Devices":[{}]}})",
       "c.json: MigState.Devices[0] has no member UUID"},
      {R"({"Version":"v1","MigState":{"Devices":[{"UUID":"x","MigMode":7,"GpuInstances":[]}]}})",
       "has MigMode 7"},
      {R"({"Version":"v1","MigState":{"Devices":[{"UUID":"x","MigMode":1,"GpuInstances":[
          {"ProfileID":-1}]}]}})",
       "c.json: MigState.Devices[0].GpuInstances[0].ProfileID is not a whole number"},
      {R"({"Version":"v1","MigState":{"Devices":[{"UUID":"x","MigMode":1,"GpuInstances":[
          {"ProfileID":1,"Placement":{"Start":1,"Size":0},"ComputeInstances":null}]}]}})",
       "c.json: MigState.Devices[0].GpuInstances[0].Placement is no run of slots"},
      {R"({"Version":"v1","MigState":{"Devices":[{"UUID":"x","MigMode":0,"GpuInstances":null},
          {"UUID":"x","MigMode":0,"GpuInstances":null}]}})",
       "names \"x\" a second time"},
      {"[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "c.json: nested deeper than 16 levels"},
  };

  for (const auto& row : kRows) {
    const auto checkpoint = parse_checkpoint(row.text, "c.json");
    ASSERT_FALSE(checkpoint) << row.text;
    EXPECT_NE(checkpoint.error().text().find(row.said), std::string::npos)
        << checkpoint.error().text();
    EXPECT_EQ(checkpoint.error().code, ErrorCode::kInvalidInput);
  }
}

// A file truncated at any byte is refused as a whole.
TEST(Checkpoint, ATruncatedFileIsNeverTaken) {
  const std::string text = checkpoint_text(mixed()).value();
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    EXPECT_FALSE(parse_checkpoint(std::string_view(text).substr(0, length), "c.json")) << length;
  }
}

}  // namespace
}  // namespace mig::config
