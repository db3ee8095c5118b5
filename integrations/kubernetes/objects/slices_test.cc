// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/slices.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "kubernetes/objects/test_machines.h"
#include "kubernetes/objects/test_scheduler.h"

namespace mig::kube {
namespace {

using base::Json;

const TestDevice* find(const TestScheduler& scheduler, const std::string& name) {
  for (const TestDevice& device : scheduler.devices()) {
    if (device.name == name) {
      return &device;
    }
  }
  return nullptr;
}

std::string string_of(const TestDevice& device, const std::string& attribute) {
  const Json& attributes = device.json["attributes"];
  return attributes.contains(attribute) ? attributes[attribute].value("string", "") : "";
}

// DNS label, RFC 1123.
bool label(const std::string& text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// Limits of resource.k8s.io/v1, read from k8s.io/api 0.36.3, resource/v1/types.go.
void expect_valid(const std::vector<Json>& slices, const std::string& what) {
  std::set<std::string> names;
  for (const Json& slice : slices) {
    const Json& spec = slice["spec"];
    EXPECT_EQ(spec["pool"]["resourceSliceCount"], slices.size());
    EXPECT_FALSE(spec.contains("devices") && spec.contains("sharedCounters"));
    const Json sets = spec.value("sharedCounters", Json::array());
    EXPECT_LE(sets.size(), 8U) << what;
    for (const Json& set : sets) {
      EXPECT_TRUE(label(set["name"]));
      EXPECT_LE(set["counters"].size(), 32U) << what;
      for (const auto& [name, value] : set["counters"].items()) {
        EXPECT_TRUE(label(name)) << name;
      }
    }
    const Json devices = spec.value("devices", Json::array());
    EXPECT_LE(devices.size(), 64U) << what;
    for (const Json& device : devices) {
      EXPECT_TRUE(label(device["name"])) << device["name"];
      EXPECT_TRUE(names.insert(device["name"]).second) << device["name"];
      EXPECT_LE(device["attributes"].size() + device["capacity"].size(), 32U);
      EXPECT_LE(device.value("consumesCounters", Json::array()).size(), 2U);
      for (const auto& [name, value] : device["attributes"].items()) {
        EXPECT_LE(value.value("string", "").size(), 64U) << name;
        EXPECT_LE(name.substr(name.find('/') + 1).size(), 32U) << name;
      }
    }
    // etcd takes 1.5 MiB for an object.
    EXPECT_LT(slice.dump().size(), 200'000U) << what;
  }
}

TEST(Slices, AreWithinTheLimitsForEightAndSixteenGpusOfEveryBoard) {
  for (const std::string& board : catalog::board_names()) {
    for (const std::uint32_t count : {1U, 8U, 16U}) {
      const Inventory machine = machine_of(board, count);
      const std::vector<Json> slices = slices_of(machine);
      expect_valid(slices, board);
      std::size_t expected = 0;
      for (const GpuInstanceProfile& profile : machine.gpus[0].profiles) {
        expected += count * profile.placements.size();
      }
      const TestScheduler scheduler(slices);
      EXPECT_EQ(scheduler.devices().size(), expected) << board;
    }
  }
}

TEST(Slices, EightH200AreFiveObjects) {
  EXPECT_EQ(slices_of(machine_of("h200-141gb", 8)).size(), 5U);
}

TEST(Slices, SameInputSameBytes) {
  Inventory machine = machine_of("h200-141gb", 8);
  add_instance(machine.gpus[3], "2g.35gb", 4);
  const auto dump = [&] {
    std::string all;
    for (const Json& slice : slices_of(machine)) {
      all += slice.dump();
    }
    return all;
  };
  EXPECT_EQ(dump(), dump());
}

TEST(Slices, ADeviceSaysWhatItIs) {
  SliceInput input;
  const Inventory machine = machine_of("h200-141gb", 2);
  input = input_of(machine);
  input.node_uid = "u-1";
  input.pcie_roots[machine.gpus[1].uuid] = "pci0000:10";
  input.taints["gpu-1-mig-3g-71gb-4"] = {
      {"mig.migctl.dev/xid", "94", "NoSchedule", 1'700'000'000'000}};
  const std::vector<Json> slices = slices_of(input);
  EXPECT_EQ(slices[0]["metadata"]["ownerReferences"][0]["uid"], "u-1");
  const TestScheduler scheduler(slices);
  const TestDevice* device = find(scheduler, "gpu-1-mig-3g-71gb-4");
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->json, Json::parse(R"({
    "name": "gpu-1-mig-3g-71gb-4",
    "attributes": {
      "type": {"string": "mig"}, "profile": {"string": "3g.71gb"},
      "parentUUID": {"string": "GPU-00000000-0000-0000-0000-000000000001"}, "parentIndex": {"int": 1},
      "start": {"int": 4}, "static": {"bool": false},
      "productName": {"string": "NVIDIA H200"}, "architecture": {"string": "Hopper"},
      "driverVersion": {"version": "580.159.4"}, "simulated": {"bool": true},
      "resource.kubernetes.io/pciBusID": {"string": "0000:18:00.0"},
      "resource.kubernetes.io/pcieRoot": {"string": "pci0000:10"}},
    "capacity": {
      "memory": {"value": "71424Mi"}, "multiprocessors": {"value": "60"}, "copyEngines": {"value": "3"},
      "decoders": {"value": "3"}, "encoders": {"value": "0"}, "jpegEngines": {"value": "3"},
      "ofaEngines": {"value": "0"}},
    "consumesCounters": [{"counterSet": "gpu-1", "counters": {
      "memory-slice-4": {"value": "1"}, "memory-slice-5": {"value": "1"},
      "memory-slice-6": {"value": "1"}, "memory-slice-7": {"value": "1"}}}],
    "taints": [{"key": "mig.migctl.dev/xid", "value": "94", "effect": "NoSchedule",
                "timeAdded": "2023-11-14T22:13:20Z"}]})"));
}

TEST(Slices, AnIdleInstanceOfAnotherIsAStaticDevice) {
  Inventory machine = machine_of("h200-141gb");
  const std::string uuid = add_instance(machine.gpus[0], "3g.71gb", 4).compute_instances[0].uuid;
  TestScheduler scheduler(slices_of(machine));
  const TestDevice* device = find(scheduler, "gpu-0-mig-3g-71gb-4");
  ASSERT_NE(device, nullptr);
  EXPECT_TRUE(device->json["attributes"]["static"]["bool"]);
  EXPECT_EQ(string_of(*device, "uuid"), uuid);
  EXPECT_TRUE(device->consumes.empty());
  EXPECT_EQ(scheduler.counters().at("gpu-0/memory-slice-4"), 0);
  EXPECT_EQ(scheduler.counters().at("gpu-0/memory-slice-3"), 1);
  EXPECT_EQ(find(scheduler, "gpu-0-mig-1g-18gb-6"), nullptr);
  EXPECT_EQ(find(scheduler, "gpu-0-mig-7g-141gb-0"), nullptr);
  // It is what a claim of its profile gets first: nothing has to be made.
  const auto got =
      scheduler.allocate_first([](const TestDevice& one) { return profile_of(one) == "3g.71gb"; });
  EXPECT_EQ(got, "gpu-0-mig-3g-71gb-4");
}

TEST(Slices, ABusyOrDividedInstanceOfAnotherIsNoDevice) {
  for (int trial = 0; trial < 4; ++trial) {
    Inventory machine = machine_of("h200-141gb");
    Gpu& gpu = machine.gpus[0];
    GpuInstance& instance = add_instance(gpu, "3g.71gb", 4);
    SliceInput input = input_of(machine);
    if (trial == 0) {
      gpu.processes.push_back({1234, "python", 100, instance.id, ComputeInstanceId{0}, false});
    } else if (trial == 1) {
      gpu.leases.push_back({1, "team-a", "", instance.id, ComputeInstanceId{0}, 0, 0});
    } else if (trial == 2) {
      instance.compute_instances.clear();
    } else {
      instance.compute_instances.push_back(instance.compute_instances[0]);
    }
    const TestScheduler scheduler(slices_of(input));
    EXPECT_EQ(find(scheduler, "gpu-0-mig-3g-71gb-4"), nullptr) << trial;
    EXPECT_EQ(scheduler.counters().at("gpu-0/memory-slice-4"), 0) << trial;
    EXPECT_NE(find(scheduler, "gpu-0-mig-4g-71gb-0"), nullptr) << trial;
    // A claim of this driver holds it: it stays, or its allocation would be forgotten.
    input.held["gpu-0-mig-3g-71gb-4"] = false;
    EXPECT_EQ(find(TestScheduler(slices_of(input)), "gpu-0-mig-3g-71gb-4") != nullptr, trial < 2);
  }
}

TEST(Slices, AnInstanceOfThisDriverStaysAPlacementThatConsumes) {
  Inventory machine = machine_of("h200-141gb");
  Gpu& gpu = machine.gpus[0];
  const GpuInstance& instance = add_instance(gpu, "1g.18gb", 6);
  gpu.processes.push_back({1234, "python", 100, instance.id, ComputeInstanceId{0}, false});
  SliceInput input = input_of(machine);
  input.held["gpu-0-mig-1g-18gb-6"] = true;
  const TestScheduler scheduler(slices_of(input));
  const TestDevice* device = find(scheduler, "gpu-0-mig-1g-18gb-6");
  ASSERT_NE(device, nullptr);
  EXPECT_FALSE(device->json["attributes"]["static"]["bool"]);
  EXPECT_EQ(string_of(*device, "uuid"), "MIG-0-1g.18gb-6");
  EXPECT_EQ(device->consumes.at("gpu-0/memory-slice-6"), 1);
  EXPECT_EQ(scheduler.counters().at("gpu-0/memory-slice-6"), 1);
  EXPECT_EQ(scheduler.devices().size(), 25U);
}

TEST(Slices, OfWhatExistsOnlyHaveNoCounters) {
  Inventory machine = machine_of("h200-141gb", 2);
  add_instance(machine.gpus[0], "3g.71gb", 4);
  const GpuInstance& made = add_instance(machine.gpus[1], "1g.18gb", 6);
  machine.gpus[1].leases.push_back({1, "team-a", "", made.id, ComputeInstanceId{0}, 0, 0});
  add_instance(machine.gpus[1], "2g.35gb", 0);
  machine.gpus[1].leases.push_back({2, "team-a", "", GpuInstanceId{2}, ComputeInstanceId{0}, 0, 0});
  SliceInput input = input_of(machine);
  input.existing_only = true;
  input.held["gpu-1-mig-1g-18gb-6"] = true;  // made before, for a claim that is still there
  const std::vector<Json> slices = slices_of(input);
  expect_valid(slices, "existing only");
  const TestScheduler scheduler(slices);
  EXPECT_TRUE(scheduler.counters().empty());
  std::set<std::string> names;
  for (const TestDevice& device : scheduler.devices()) {
    names.insert(device.name);
    EXPECT_TRUE(device.consumes.empty());
    EXPECT_TRUE(device.json["attributes"]["static"]["bool"]);
  }
  EXPECT_EQ(names, (std::set<std::string>{"gpu-0-mig-3g-71gb-4", "gpu-1-mig-1g-18gb-6"}));
}

TEST(Slices, GpusWithoutMigPendingAndUnreadable) {
  Inventory machine = machine_of("h200-141gb", 5);
  machine.gpus[0].mig_current = machine.gpus[0].mig_pending = MigMode::kDisabled;
  machine.gpus[1].mig_pending = MigMode::kDisabled;
  machine.gpus[2].instances_complete = false;
  const std::vector<Json> slices = slices_of(machine);
  expect_valid(slices, "modes");
  const TestScheduler scheduler(slices);
  ASSERT_EQ(scheduler.devices().size(), 2 * 25U) << "of GPUs 3 and 4 only";
  for (const TestDevice& device : scheduler.devices()) {
    EXPECT_TRUE(device.name.starts_with("gpu-3-mig-") || device.name.starts_with("gpu-4-mig-"))
        << device.name;
  }
  // The number of objects is the hardware's, so that no change of modes makes or removes one.
  EXPECT_EQ(slices.size(), slices_of(machine_of("h200-141gb", 5)).size());
}

TEST(Slices, ALostGpuHasNoDevices) {
  Inventory machine = machine_of("h200-141gb", 2);
  machine.lost.push_back({machine.gpus[0].index, {}});
  machine.gpus.erase(machine.gpus.begin());
  const TestScheduler scheduler(slices_of(machine));
  ASSERT_FALSE(scheduler.devices().empty());
  for (const TestDevice& device : scheduler.devices()) {
    EXPECT_EQ(device.name.substr(0, 6), "gpu-1-");
  }
}

TEST(Slices, BeyondTheLimitsIsSaid) {
  const Inventory many = machine_of("a30-24gb", 65);
  EXPECT_EQ(resource_slices(input_of(many), 1).error().code, ErrorCode::kTooLarge);
  const Inventory one = machine_of("a30-24gb");
  SliceInput input = input_of(one);
  input.node = std::string(250, 'n');
  EXPECT_EQ(resource_slices(input, 1).error().code, ErrorCode::kTooLarge);
}

// A change by this driver moves devices within their slices: one object of other content at most,
// so that a reader who is between two updates sees a pool that is consistent.
TEST(Slices, AnInstanceOfThisDriverChangesOneObjectsContentOnly) {
  Inventory machine = machine_of("h200-141gb", 8);
  SliceInput input = input_of(machine);
  const std::vector<Json> before = slices_of(input, 1);
  add_instance(machine.gpus[0], "1g.18gb", 6);
  input.held["gpu-0-mig-1g-18gb-6"] = true;
  const std::vector<Json> after = slices_of(input, 2);
  ASSERT_EQ(before.size(), after.size());
  std::vector<SliceDifference> differences;
  for (std::size_t i = 0; i < before.size(); ++i) {
    differences.push_back(compare_slices(before[i], after[i]));
  }
  using D = SliceDifference;
  EXPECT_EQ(differences[0], D::kNone);
  EXPECT_EQ(std::count(differences.begin(), differences.end(), D::kContent), 1);
  EXPECT_GE(std::count(differences.begin(), differences.end(), D::kOrder), 1);
}

TEST(Slices, WhatTheServerAddsIsNoDifference) {
  const Json ours = slices_of(machine_of("h200-141gb")).at(1);
  Json theirs = Json::parse(nlohmann::json::parse(ours.dump()).dump());  // members in another order
  theirs["metadata"]["resourceVersion"] = "77";
  theirs["metadata"]["uid"] = "u";
  theirs["spec"]["pool"]["generation"] = 9;
  EXPECT_EQ(compare_slices(ours, theirs), SliceDifference::kNone);
  Json of_another_node = theirs;
  of_another_node["metadata"]["ownerReferences"][0]["uid"] = "u-new";
  EXPECT_EQ(compare_slices(ours, of_another_node), SliceDifference::kContent);
  theirs["spec"]["devices"][0]["capacity"]["memory"]["value"] = "1Gi";
  EXPECT_EQ(compare_slices(ours, theirs), SliceDifference::kContent);
  EXPECT_EQ(compare_slices(ours, Json::parse("[]")), SliceDifference::kContent);
}

}  // namespace
}  // namespace mig::kube
