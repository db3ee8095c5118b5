// SPDX-License-Identifier: Apache-2.0
#include "service/isolation_places.h"

#include <gtest/gtest.h>

namespace mig::service {
namespace {

using isolation::Sharing;

ComputeInstance compute(std::uint32_t id, const std::string& uuid, const char* name) {
  ComputeInstance ci;
  ci.id = ComputeInstanceId{id};
  ci.name = *ProfileName::parse(name);
  ci.uuid = uuid;
  return ci;
}

GpuInstance instance(std::uint32_t id, const char* name, std::vector<ComputeInstance> inside) {
  GpuInstance gi;
  gi.id = GpuInstanceId{id};
  gi.name = *ProfileName::parse(name);
  gi.memory_mib = 1000ULL * id;
  gi.compute_instances = std::move(inside);
  return gi;
}

// GPU 0: 1g, 2g, 2g and a 3g with two compute instances. GPU 1: no MIG.
Inventory machine() {
  Gpu mig;
  mig.uuid = "GPU-0";
  mig.mig_current = MigMode::kEnabled;
  mig.instances = {
      instance(3, "1g.5gb", {compute(0, "MIG-a", "1g.5gb")}),
      instance(4, "2g.10gb", {compute(0, "MIG-b", "2g.10gb")}),
      instance(5, "2g.10gb", {compute(0, "MIG-c", "2g.10gb")}),
      instance(
          6, "3g.20gb", {compute(0, "MIG-d", "1c.3g.20gb"), compute(1, "MIG-e", "2c.3g.20gb")})};
  Gpu bare;
  bare.index = GpuIndex{1};
  bare.uuid = "GPU-1";
  bare.name = "NVIDIA H200";
  bare.mig_current = MigMode::kDisabled;
  Inventory inventory;
  inventory.gpus = {mig, bare};
  return inventory;
}

void occupy(Inventory& inventory, std::size_t gpu, std::optional<std::uint32_t> gi) {
  Process process;
  process.pid = 41;
  process.name = "python";
  if (gi) {
    process.gpu_instance = GpuInstanceId{*gi};
    process.compute_instance = ComputeInstanceId{0};
  }
  inventory.gpus[gpu].processes.push_back(process);
}

const std::vector<Sharing> kAll = {
    Sharing::kMig, Sharing::kComputeInstances, Sharing::kTimeSlicing, Sharing::kMps};

TEST(IsolationPlaces, TwoOfOneProfileAndAllElseOnTheSameVictim) {
  const auto modes = isolation_modes(machine(), {}, kAll);
  ASSERT_TRUE(modes) << modes.error().text();
  EXPECT_EQ(modes->at(0).victim.uuid, "MIG-b");
  EXPECT_EQ(modes->at(0).neighbour.uuid, "MIG-c");
  EXPECT_EQ(modes->at(0).victim.label, "2g.10gb on GPU 0 gi=4 ci=0");
  EXPECT_EQ(modes->at(1).victim.uuid, "MIG-d");
  EXPECT_EQ(modes->at(1).neighbour.uuid, "MIG-e");
  EXPECT_EQ(modes->at(2).victim.uuid, "MIG-b");
  EXPECT_EQ(modes->at(2).neighbour.uuid, "MIG-b");
  EXPECT_EQ(modes->at(3).victim.uuid, "MIG-b");
}

TEST(IsolationPlaces, NeitherWhatIsBusyNorWhatIsLeased) {
  Inventory inventory = machine();
  occupy(inventory, 0, 4);
  PlaceSelection selection;
  selection.taken["MIG-d"] = "leased by anna";
  const auto modes = isolation_modes(inventory, selection, kAll);
  ASSERT_TRUE(modes);
  for (const auto& mode : *modes) {
    for (const auto* place : {&mode.victim, &mode.neighbour}) {
      EXPECT_NE(place->uuid, "MIG-b");
      EXPECT_NE(place->uuid, "MIG-d");
    }
  }
  EXPECT_NE(modes->at(1).skipped.find("two free compute instances"), std::string::npos);
}

TEST(IsolationPlaces, WithoutMigTheWholeGpu) {
  PlaceSelection selection;
  selection.gpu = GpuIndex{1};
  const auto modes = isolation_modes(machine(), selection, kAll);
  ASSERT_TRUE(modes);
  EXPECT_FALSE(modes->at(0).skipped.empty());
  EXPECT_EQ(modes->at(2).victim.uuid, "GPU-1");
  EXPECT_FALSE(modes->at(2).victim.instance);
  EXPECT_EQ(modes->at(3).neighbour.uuid, "GPU-1");
}

TEST(IsolationPlaces, NamedOnesAreVictimAndNeighbour) {
  PlaceSelection selection;
  selection.uuids = {"MIG-c", "MIG-a"};
  const auto modes = isolation_modes(machine(), selection, {Sharing::kMig, Sharing::kTimeSlicing});
  ASSERT_TRUE(modes);
  EXPECT_EQ(modes->at(0).victim.uuid, "MIG-c");
  EXPECT_EQ(modes->at(0).neighbour.uuid, "MIG-a");
  EXPECT_EQ(modes->at(1).neighbour.uuid, "MIG-c");
}

TEST(IsolationPlaces, OfAProfile) {
  PlaceSelection selection;
  selection.profile = *ProfileName::parse("1g.5gb");
  const auto modes = isolation_modes(machine(), selection, {Sharing::kMig, Sharing::kTimeSlicing});
  ASSERT_TRUE(modes);
  EXPECT_FALSE(modes->at(0).skipped.empty()) << "there is one only";
  EXPECT_EQ(modes->at(1).victim.uuid, "MIG-a");
}

TEST(IsolationPlaces, WhatCannotBeIsAnError) {
  PlaceSelection selection;
  selection.uuids = {"MIG-zzz"};
  EXPECT_EQ(isolation_modes(machine(), selection, kAll).error().code, ErrorCode::kNothingMatched);
  Inventory inventory = machine();
  occupy(inventory, 0, 4);
  selection.uuids = {"MIG-b"};
  const auto busy = isolation_modes(inventory, selection, kAll);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::kInUse);
  EXPECT_NE(busy.error().message.find("pid 41 (python)"), std::string::npos);
  selection.uuids.clear();
  selection.gpu = GpuIndex{1};
  occupy(inventory, 1, {});
  EXPECT_EQ(isolation_modes(inventory, selection, kAll).error().code, ErrorCode::kInUse);
  selection.profile = *ProfileName::parse("7g.40gb");
  EXPECT_EQ(isolation_modes(inventory, selection, kAll).error().code, ErrorCode::kNothingMatched);
}

TEST(IsolationPlaces, AProcessThatNamesNoInstanceMayBeOnAny) {
  Inventory inventory = machine();
  occupy(inventory, 0, {});
  PlaceSelection selection;
  selection.gpu = GpuIndex{0};
  EXPECT_EQ(isolation_modes(inventory, selection, kAll).error().code, ErrorCode::kInUse);
}

}  // namespace
}  // namespace mig::service
