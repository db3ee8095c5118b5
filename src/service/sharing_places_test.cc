// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "service/compare_sharing.h"

namespace mig::service {
namespace {

using sharing::Way;
using sharing::WayReport;

GpuInstance with_one(std::uint32_t id, const char* name, const std::string& uuid) {
  ComputeInstance ci;
  ci.name = *ProfileName::parse(name);
  ci.uuid = uuid;
  GpuInstance gi;
  gi.id = GpuInstanceId{id};
  gi.name = *ProfileName::parse(name);
  gi.memory_mib = gi.name.str()[0] == '1' ? 4864 : gi.name.str()[0] == '2' ? 9984 : 20096;
  gi.compute_instances = {ci};
  return gi;
}

Gpu board(std::uint32_t index, MigMode mode) {
  Gpu gpu;
  gpu.index = GpuIndex{index};
  gpu.uuid = "GPU-" + std::to_string(index);
  gpu.name = "NVIDIA A100";
  gpu.mig_current = mode;
  gpu.compute_slices = 7;
  for (const auto& [name, slices, memory] :
       {std::tuple("1g.5gb", 1U, 4864U), {"4g.20gb", 4U, 20096U}, {"7g.40gb", 7U, 40192U}}) {
    GpuInstanceProfile profile;
    profile.name = *ProfileName::parse(name);
    profile.slices = slices;
    profile.memory_mib = memory;
    gpu.profiles.push_back(profile);
  }
  return gpu;
}

// GPU 0: no MIG. GPU 1, of the same board: 3g, 2g, 1g, 1g.
Inventory two_gpus() {
  Inventory inventory;
  inventory.gpus = {board(0, MigMode::kDisabled), board(1, MigMode::kEnabled)};
  inventory.gpus[1].instances = {with_one(1, "3g.20gb", "MIG-a"),
                                 with_one(2, "2g.10gb", "MIG-b"),
                                 with_one(3, "1g.5gb", "MIG-c"),
                                 with_one(4, "1g.5gb", "MIG-d")};
  return inventory;
}

std::vector<std::string> uuids(const WayReport& way) {
  std::vector<std::string> found;
  for (const isolation::Place& place : way.places) {
    found.push_back(place.uuid);
  }
  return found;
}

using Words = std::vector<std::string>;

SharingSelection wanted(std::uint32_t jobs) {
  SharingSelection selection;
  selection.jobs = jobs;
  selection.ways = {Way::kExclusive, Way::kTimeSlicing, Way::kMig};
  return selection;
}

TEST(SharingPlaces, AWholeGpuAndInstancesOfItsBoard) {
  const auto ways = sharing_ways(two_gpus(), wanted(2));
  ASSERT_TRUE(ways) << ways.error().text();
  EXPECT_EQ(uuids(ways->at(0)), Words{"GPU-0"});
  EXPECT_EQ(uuids(ways->at(1)), Words{"GPU-0"});
  EXPECT_EQ(uuids(ways->at(2)), (Words{"MIG-c", "MIG-d"})) << "two of one profile before larger";
  EXPECT_EQ(ways->at(2).note, "on another GPU of the same board");
}

TEST(SharingPlaces, UnlikeInstancesWhereThereAreNotEnoughAlike) {
  const auto ways = sharing_ways(two_gpus(), wanted(3));
  ASSERT_TRUE(ways);
  EXPECT_EQ(uuids(ways->at(2)).size(), 3U);
  EXPECT_EQ(uuids(ways->at(2)).back(), "MIG-a");
}

TEST(SharingPlaces, TooFewInstancesAreSaid) {
  const auto ways = sharing_ways(two_gpus(), wanted(5));
  ASSERT_TRUE(ways);
  EXPECT_EQ(ways->at(2).skipped, "not here: needs 5 free GPU instances of one NVIDIA A100");
  Inventory bare = two_gpus();
  bare.gpus.pop_back();
  EXPECT_EQ(sharing_ways(bare, wanted(2))->at(2).skipped,
            "not here: needs 2 free GPU instances of one NVIDIA A100, and no GPU is in MIG mode");
}

TEST(SharingPlaces, AnotherBoardsInstancesAreNotCompared) {
  Inventory inventory = two_gpus();
  inventory.gpus[1].name = "NVIDIA H200";
  EXPECT_NE(sharing_ways(inventory, wanted(2))->at(2).skipped, "");
}

TEST(SharingPlaces, WithoutAWholeGpuTheLargestInstance) {
  Inventory inventory = two_gpus();
  inventory.gpus.erase(inventory.gpus.begin());
  const auto ways = sharing_ways(inventory, wanted(2));
  ASSERT_TRUE(ways);
  EXPECT_EQ(uuids(ways->at(0)), Words{"MIG-a"});
  EXPECT_NE(ways->at(0).note.find("on an instance"), std::string::npos);
  EXPECT_NE(ways->at(2).note.find("the other ways on 3g.20gb"), std::string::npos);
}

TEST(SharingPlaces, WhatIsLeasedOrInUseIsLeftAlone) {
  SharingSelection selection = wanted(2);
  selection.taken = {{"MIG-c", "leased by a"}};
  EXPECT_EQ(uuids(sharing_ways(two_gpus(), selection)->at(2)).back(), "MIG-a");
  selection.taken = {{"MIG-a", "leased by a"}, {"MIG-b", ""}, {"MIG-c", "x"}, {"MIG-d", "x"}};
  Inventory inventory = two_gpus();
  Process process;
  process.pid = 41;
  process.name = "python";
  inventory.gpus[0].processes = {process};
  selection.taken["MIG-b"] = "leased by b";
  const auto ways = sharing_ways(inventory, selection);
  ASSERT_FALSE(ways);
  EXPECT_EQ(ways.error().code, ErrorCode::kInUse);
  EXPECT_NE(ways.error().message.find("pid 41 (python)"), std::string::npos);
}

TEST(SharingPlaces, TheLargestInstanceBelowTheWholeGpu) {
  const Inventory inventory = two_gpus();
  EXPECT_EQ(largest_instance_mib(inventory, GpuIndex{0}), 20096U);
  Inventory none = inventory;
  none.gpus[0].profiles.clear();
  EXPECT_FALSE(largest_instance_mib(none, GpuIndex{0}));
}

}  // namespace
}  // namespace mig::service
