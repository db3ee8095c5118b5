// SPDX-License-Identifier: Apache-2.0
#include "node/slot_view.h"

#include <gtest/gtest.h>

#include "node/slot_names.h"
#include "store/places.h"

namespace mig::node {
namespace {

Gpu board(const char* uuid, const char* bus) {
  Gpu gpu;
  gpu.uuid = uuid;
  gpu.pci_bus_id = bus;
  gpu.pci_device_id = 0x20B010DE;
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  GpuInstanceProfile profile;
  profile.name = *ProfileName::parse("3g.20gb");
  profile.placements = {{0, 4}, {4, 4}};
  profile.compute_profiles = {{0, *ProfileName::parse("1c.3g.20gb"), 1, 3, 14, {}},
                              {7, *ProfileName::parse("1c.3g.20gb@26sm"), 1, 2, 26, {}},
                              {2, profile.name, 3, 1, 42, {}}};
  gpu.profiles = {profile};
  return gpu;
}

GpuInstance instance(std::uint32_t start, const std::vector<const char*>& computes) {
  GpuInstance gi;
  gi.id = GpuInstanceId{2};
  gi.name = *ProfileName::parse("3g.20gb");
  gi.placement = {start, 4};
  for (const char* name : computes) {
    ComputeInstance ci;
    ci.id = ComputeInstanceId{static_cast<std::uint32_t>(gi.compute_instances.size())};
    ci.name = *ProfileName::parse(name);
    ci.placement = Placement{ci.id.value, 1};
    ci.uuid = "MIG-" + std::to_string(ci.id.value);
    gi.compute_instances.push_back(ci);
  }
  return gi;
}

class SlotViewTest : public testing::Test {
 protected:
  SlotViewTest() { machine_.gpus = {board("GPU-a", "00000000:10:00.0")}; }

  store::SlotRow row(const char* profile, std::uint32_t start) {
    SlotRequest request;
    request.name = "train-a";
    request.profile = *ProfileName::parse(profile);
    request.start = start;
    auto made = slot_row(request, machine_);
    EXPECT_TRUE(made) << made.error().text();
    return made ? *made : store::SlotRow{};
  }

  Inventory machine_;
};

TEST_F(SlotViewTest, ThePlaceMayBeEmptyNowAndFullLater) {
  const store::SlotRow slot = row("3g.20gb", 4);
  EXPECT_EQ(slot.size, 4);
  EXPECT_EQ(look_at(slot, machine_).state, SlotState::kEmpty);
  machine_.gpus[0].instances = {instance(4, {"3g.20gb"})};
  const auto there = resolve(slot, machine_);
  ASSERT_TRUE(there) << there.error().text();
  EXPECT_EQ(there->uuid, "MIG-0");
  machine_.gpus[0].instances = {instance(0, {"3g.20gb"})};
  EXPECT_EQ(resolve(slot, machine_).error().code, ErrorCode::kNothingMatched);
  machine_.gpus[0].mig_current = MigMode::kDisabled;
  EXPECT_NE(resolve(slot, machine_).error().hint.find("mode enable"), std::string::npos);
}

TEST_F(SlotViewTest, OneOfSeveralComputeInstancesIsMeant) {
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb", "1c.3g.20gb"})};
  store::SlotRow slot = row("1c.3g.20gb", 4);
  slot.ci_start = 1;
  ASSERT_TRUE(resolve(slot, machine_));
  EXPECT_EQ(resolve(slot, machine_)->uuid, "MIG-1");
  slot.ci_start = 2;
  EXPECT_EQ(resolve(slot, machine_).error().code, ErrorCode::kConflict);
}

// The hint's commands make the slot ready, and the instances to destroy first are exactly the
// necessary ones.
TEST_F(SlotViewTest, TheHintLeadsToTheSlot) {
  ComputeInstanceProfile one;
  one.name = *ProfileName::parse("1c.3g.20gb");
  one.placements = {{0, 1}, {1, 1}, {2, 1}};
  machine_.gpus[0].profiles[0].compute_profiles = {one};
  store::SlotRow slot = row("1c.3g.20gb", 4);
  EXPECT_EQ(resolve(slot, machine_).error().hint, "make it: migctl create 1c.3g.20gb:4 -i 0");
  slot.ci_start = 1;
  EXPECT_EQ(resolve(slot, machine_).error().hint, "make it: migctl create 1c.3g.20gb:4/1 -i 0");
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb"})};
  EXPECT_EQ(resolve(slot, machine_).error().hint, "make it: migctl create 1c.3g.20gb:4/1 -i 0")
      << "beside the one at 0";
  slot.ci_start.reset();
  EXPECT_TRUE(resolve(slot, machine_));
  machine_.gpus[0].instances = {instance(4, {"3g.20gb"})};
  machine_.gpus[0].instances[0].compute_instances[0].placement = Placement{0, 3};
  slot.ci_start = 1;
  EXPECT_EQ(resolve(slot, machine_).error().hint,
            "when nobody uses it: migctl destroy -i 0 --gi 2 --ci 0; then migctl create "
            "1c.3g.20gb:4/1 -i 0");
  GpuInstance small = instance(4, {});
  small.name = *ProfileName::parse("1g.5gb");
  small.placement = {4, 1};
  GpuInstance other = small;
  other.placement = {6, 1};
  other.id = GpuInstanceId{9};
  machine_.gpus[0].instances = {small, other};
  const Error two = resolve(slot, machine_).error();
  EXPECT_EQ(two.code, ErrorCode::kConflict);
  EXPECT_EQ(two.hint,
            "when nobody uses them: migctl destroy -i 0 --gi 2; migctl destroy -i 0 --gi 9; then "
            "migctl create 1c.3g.20gb:4/1 -i 0");
  machine_.gpus[0].mig_current = MigMode::kDisabled;
  EXPECT_EQ(resolve(slot, machine_).error().hint,
            "migctl mode enable -i 0; then migctl create 1c.3g.20gb:4/1 -i 0");
}

// A compute instance elsewhere in the GPU instance need not be destroyed.
TEST_F(SlotViewTest, NothingIsInTheWayWhereThereIsRoomBesideIt) {
  machine_.gpus[0].profiles[0].compute_profiles[1].placements = {{0, 1}, {1, 1}};
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb"})};
  const store::SlotRow slot = row("1c.3g.20gb@26sm", 4);
  EXPECT_EQ(resolve(slot, machine_).error().hint, "make it: migctl create 1c.3g.20gb@26sm:4 -i 0");
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb", "1c.3g.20gb"})};
  EXPECT_EQ(resolve(slot, machine_).error().hint,
            "when nobody uses them: migctl destroy -i 0 --gi 2 --ci 0; migctl destroy -i 0 --gi 2 "
            "--ci 1; then migctl create 1c.3g.20gb@26sm:4 -i 0");
}

TEST_F(SlotViewTest, ComputeInstancesOfEqualSlicesAreNotTakenForEachOther) {
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb"})};
  EXPECT_EQ(look_at(row("1c.3g.20gb@26sm", 4), machine_).state, SlotState::kTaken);
  const store::SlotRow plain = row("1c.3g.20gb@14sm", 4);
  EXPECT_EQ(plain.profile, "1c.3g.20gb") << "kept as the instance is called";
  EXPECT_EQ(look_at(plain, machine_).state, SlotState::kReady);
  machine_.gpus[0].instances = {instance(4, {"1c.3g.20gb@26sm"})};
  EXPECT_EQ(look_at(row("1c.3g.20gb@ci7", 4), machine_).state, SlotState::kReady);
  EXPECT_EQ(look_at(plain, machine_).state, SlotState::kTaken);
  SlotRequest request;
  request.name = "train-a";
  request.profile = *ProfileName::parse("1c.3g.20gb@20sm");
  const auto none = slot_row(request, machine_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(none.error().hint, "inside 3g.20gb there are 1c.3g.20gb, 1c.3g.20gb@26sm, 3g.20gb");
}

TEST_F(SlotViewTest, ASlotGoesWithItsGpuAndElseStaysAtTheAddress) {
  machine_.gpus[0].instances = {instance(4, {"3g.20gb"})};
  const store::SlotRow slot = row("3g.20gb", 4);
  machine_.gpus[0].pci_bus_id = "00000000:80:00.0";
  EXPECT_FALSE(look_at(slot, machine_).stand_in) << "the same GPU, plugged in elsewhere";
  machine_.gpus[0].uuid = "GPU-b";
  EXPECT_EQ(look_at(slot, machine_).state, SlotState::kNoGpu);
  machine_.gpus[0].pci_bus_id = "00000000:10:00.0";
  const SlotView swapped = look_at(slot, machine_);
  EXPECT_EQ(swapped.state, SlotState::kReady);
  EXPECT_TRUE(swapped.stand_in);
  EXPECT_NE(swapped.note.find("GPU-b"), std::string::npos);
  machine_.gpus[0].pci_device_id = 1;
  EXPECT_EQ(look_at(slot, machine_).state, SlotState::kNoGpu) << "another model is no stand-in";
}

TEST_F(SlotViewTest, WhatCannotBeIsNotNamed) {
  SlotRequest request;
  request.profile = *ProfileName::parse("3g.20gb");
  for (const char* name : {"", "-a", ".a", "A", "a b", "a/b"}) {
    request.name = name;
    EXPECT_EQ(slot_row(request, machine_).error().code, ErrorCode::kInvalidInput) << name;
  }
  request.name = std::string(64, 'a');
  EXPECT_FALSE(slot_row(request, machine_));
  request.name = std::string(63, 'a');
  EXPECT_TRUE(slot_row(request, machine_));
  request.size = 2;
  EXPECT_EQ(slot_row(request, machine_).error().code, ErrorCode::kNoCapacity);
  request.profile = *ProfileName::parse("9g.80gb");
  EXPECT_EQ(slot_row(request, machine_).error().code, ErrorCode::kNotSupported);
}

TEST(SlotsPath, LiesBesideTheJournal) {
  EXPECT_EQ(store::beside_journal("/var/lib/migctl/journal.db", "slots"),
            "/var/lib/migctl/slots.db");
  EXPECT_EQ(store::beside_journal("/s/sim-lab.db", "slots"), "/s/sim-lab-slots.db");
}

}  // namespace
}  // namespace mig::node
