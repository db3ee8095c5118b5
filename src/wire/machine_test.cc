// SPDX-License-Identifier: Apache-2.0
#include "wire/machine.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "wire/document.h"
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

// Calls `use` with a document for each value below "inventory" and "profiles" that replaces that
// value by an empty object, which is no value of any type.
void for_each_part_of(
    const Json& document,
    const std::function<void(const std::string& where, const std::string& broken)>& use) {
  const Json flat = document.flatten();
  for (const auto& [where, value] : flat.items()) {
    if (where.starts_with("/inventory") || where.starts_with("/profiles")) {
      Json broken = document;
      broken[Json::json_pointer(where)] = Json::object();
      use(where, broken.dump());
    }
  }
}

TEST(Machine, EveryCutAndEveryWrongTypeIsRefused) {
  const std::string document = machine_document(whole(), MachinePart::kAll);
  for (std::size_t length = 0; length < document.size(); length += 7) {
    EXPECT_FALSE(parse_machine(document.substr(0, length))) << length;
  }
  for_each_part_of(Json::parse(document), [](const std::string& where, const std::string& broken) {
    EXPECT_FALSE(parse_machine(broken)) << where;
  });
  Json longer = Json::parse(document);
  longer["inventory"].push_back(1);
  EXPECT_FALSE(parse_machine(longer.dump())) << "a member that this version does not know";
  EXPECT_FALSE(parse_machine("[]"));
  EXPECT_FALSE(parse_machine(inventory_document(whole()))) << "of another kind";
  Inventory large = whole();
  large.gpus[0].processes[0].pid = 987'654;
  std::string negative = machine_document(large, MachinePart::kAll);
  ASSERT_NE(negative.find("987654"), std::string::npos);
  negative.replace(negative.find("987654"), 1, "-");
  const auto refused = parse_machine(negative);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidInput);
}

}  // namespace
}  // namespace mig::wire
