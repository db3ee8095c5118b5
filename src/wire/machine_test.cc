// SPDX-License-Identifier: Apache-2.0
#include "wire/machine.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/testdata/sample.h"
#include "wire/wire.h"

namespace mig::wire {
namespace {

Inventory whole() {
  Inventory inventory = sample::inventory();
  Gpu& gpu = inventory.gpus[0];
  gpu.pci_device_id = 0x20b010de;
  gpu.pci_subsystem_id = 7;
  gpu.minor = 3;
  gpu.instances_complete = false;
  gpu.profiles[0].compute_profiles = {{3, sample::name("1c.3g.20gb@26sm"), 1, 2, 26, {{0, 1}}, 1}};
  gpu.profiles[0].compute_profiles_derived = true;
  gpu.profiles[1].p2p = true;
  gpu.profiles[2].graphics = true;
  gpu.processes[1].graphics = true;
  gpu.display.attached = true;
  inventory.warnings = {"GPU 7 is left out: it is lost"};
  inventory.lost = {{GpuIndex{7}, {ErrorCode::kDeviceLost, "gone", "reboot", {"GPU 7"}, 15}}};
  return inventory;
}

void expect_same(const Inventory& a, const Inventory& b) {
  EXPECT_EQ(machine_document(a, MachinePart::kAll), machine_document(b, MachinePart::kAll));
  EXPECT_EQ(inventory_document(a), inventory_document(b));
  EXPECT_EQ(profile_list_document(a), profile_list_document(b));
  EXPECT_EQ(placement_list_document(a), placement_list_document(b));
  ASSERT_EQ(a.gpus.size(), b.gpus.size());
  for (std::size_t i = 0; i < a.gpus.size(); ++i) {
    EXPECT_EQ(a.gpus[i].profiles, b.gpus[i].profiles);
    EXPECT_EQ(a.gpus[i].instances, b.gpus[i].instances);
    EXPECT_EQ(a.gpus[i].processes, b.gpus[i].processes);
    EXPECT_EQ(a.gpus[i].minor, b.gpus[i].minor);
    EXPECT_EQ(a.gpus[i].pci_device_id, b.gpus[i].pci_device_id);
  }
  EXPECT_EQ(a.generation, b.generation);
}

TEST(Machine, NothingIsLostOnTheWay) {
  const Inventory there = whole();
  const auto here = parse_machine(machine_document(there, MachinePart::kAll));
  ASSERT_TRUE(here) << here.error().text();
  expect_same(there, *here);
  ASSERT_EQ(here->lost.size(), 1U);
  EXPECT_EQ(here->lost[0].why.text(), there.lost[0].why.text());
  EXPECT_EQ(here->lost[0].why.hint, "reboot");
  EXPECT_EQ(here->lost[0].why.nvml, 15);
  EXPECT_EQ(here->lost[0].why.code, ErrorCode::kDeviceLost);
}

TEST(Machine, AnEmptyOneToo) {
  const auto here = parse_machine(machine_document({}, MachinePart::kAll));
  ASSERT_TRUE(here) << here.error().text();
  expect_same({}, *here);
}

TEST(Machine, BytesThatAreNoUtf8AreKept) {
  Inventory there = whole();
  there.gpus[0].processes[0].name = "\xff\x01p\xc3\xa4th\"on\\\n";
  const auto here = parse_machine(machine_document(there, MachinePart::kState));
  ASSERT_TRUE(here) << here.error().text();
  EXPECT_EQ(here->gpus[0].processes[0].name, there.gpus[0].processes[0].name);
}

TEST(Machine, TheStateGoesWithoutProfiles) {
  Inventory there = whole();
  const std::string document = machine_document(there, MachinePart::kState);
  EXPECT_LT(document.size(), machine_document(there, MachinePart::kAll).size());
  const auto here = parse_machine(document);
  ASSERT_TRUE(here) << here.error().text();
  for (Gpu& gpu : there.gpus) {
    gpu.profiles.clear();
  }
  expect_same(there, *here);
}

TEST(Machine, EqualBoardsShareTheirProfiles) {
  Inventory one = whole();
  one.gpus = {one.gpus[1]};
  Inventory eight = one;
  for (std::uint32_t i = 1; i < 8; ++i) {
    eight.gpus.push_back(one.gpus[0]);
    eight.gpus.back().index.value = i;
    eight.gpus.back().profiles[0].remaining = i;
  }
  const auto bytes = [](const Inventory& inventory) {
    return machine_document(inventory, MachinePart::kAll).size() -
           machine_document(inventory, MachinePart::kState).size();
  };
  EXPECT_LT(bytes(eight), bytes(one) + 8 * 20);
  const auto here = parse_machine(machine_document(eight, MachinePart::kAll));
  ASSERT_TRUE(here) << here.error().text();
  expect_same(eight, *here);
}

TEST(Machine, EveryCutAndEveryWrongTypeIsRefused) {
  const std::string document = machine_document(whole(), MachinePart::kAll);
  for (std::size_t length = 0; length < document.size(); length += 7) {
    EXPECT_FALSE(parse_machine(document.substr(0, length))) << length;
  }
  for (const char* member : {"\"uuid\":\"", "\"pid\":", "\"instances\":[", "\"remaining\":["}) {
    std::string broken = document;
    const std::size_t at = broken.find(member);
    ASSERT_NE(at, std::string::npos) << member;
    broken.replace(at, 2, "\"x");
    EXPECT_FALSE(parse_machine(broken)) << member;
  }
  EXPECT_FALSE(parse_machine("[]"));
  EXPECT_FALSE(parse_machine(inventory_document(whole()))) << "of another kind";
  std::string negative = document;
  negative.replace(negative.find("\"pid\":") + 6, 1, "-");
  const auto refused = parse_machine(negative);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace mig::wire
