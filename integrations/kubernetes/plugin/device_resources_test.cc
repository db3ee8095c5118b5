// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/device_resources.h"

#include <gtest/gtest.h>

#include "catalog/catalog.h"

namespace mig::kube {
namespace {

// A machine of H200s, the first with MIG on and instances at these places.
struct Wanted {
  std::string profile;
  std::uint32_t start = 0;
};

void place(Gpu& gpu, const std::vector<Wanted>& wanted) {
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  for (const auto& one : wanted) {
    const auto name = ProfileName::parse(one.profile);
    const GpuInstanceProfile* profile = gpu.find_profile(*name);
    ASSERT_NE(profile, nullptr) << one.profile;
    GpuInstance instance;
    instance.id = {static_cast<std::uint32_t>(gpu.instances.size() + 1)};
    instance.profile_id = profile->id;
    instance.name = profile->name;
    instance.placement = {one.start, profile->placements.front().size};
    ComputeInstance compute;
    compute.name = profile->name;
    compute.uuid = "MIG-" + std::to_string(gpu.index.value) + "-" + std::to_string(one.start);
    instance.compute_instances.push_back(compute);
    gpu.instances.push_back(instance);
  }
}

Inventory machine(std::uint32_t gpus) {
  return *catalog::inventory_of({"h200-141gb", gpus});
}

std::string shown(const PluginResources& resources) {
  std::string text;
  for (const auto& [name, devices] : resources.devices) {
    text += name + ":";
    for (const auto& device : devices) {
      text += " " + device.id + (device.healthy ? "" : "!");
    }
    text += "\n";
  }
  return text;
}

PluginResources resources(const Inventory& now, DeviceStrategy strategy) {
  return plugin_resources({.now = &now, .strategy = strategy});
}

TEST(DeviceResources, MixedNamesEachProfile) {
  Inventory now = machine(2);
  place(now.gpus[0], {{"3g.71gb", 4}, {"1g.18gb", 0}, {"1g.18gb+me", 1}});
  EXPECT_EQ(shown(resources(now, DeviceStrategy::kMixed)),
            "nvidia.com/gpu: " + now.gpus[1].uuid +
                "\n"
                "nvidia.com/mig-1g.18gb: MIG-0-0\n"
                "nvidia.com/mig-1g.18gb.me: MIG-0-1\n"
                "nvidia.com/mig-3g.71gb: MIG-0-4\n");
  const auto again = resources(now, DeviceStrategy::kMixed);
  EXPECT_EQ(again.devices.at("nvidia.com/mig-3g.71gb").front().device, "gpu-0-mig-3g-71gb-4");
}

TEST(DeviceResources, NoneOffersNoGpuThatIsDivided) {
  Inventory now = machine(2);
  place(now.gpus[0], {{"3g.71gb", 4}});
  EXPECT_EQ(shown(resources(now, DeviceStrategy::kNone)),
            "nvidia.com/gpu: " + now.gpus[1].uuid + "\n");
}

TEST(DeviceResources, SingleHasTheErrorsOfNvidiasPlugin) {
  Inventory now = machine(2);
  place(now.gpus[0], {{"3g.71gb", 0}, {"3g.71gb", 4}});
  auto mixed_modes = resources(now, DeviceStrategy::kSingle);
  EXPECT_EQ(mixed_modes.trouble,
            "all devices on the node must be configured with the same migEnabled value");
  EXPECT_EQ(shown(mixed_modes), "nvidia.com/gpu:\n");
  place(now.gpus[1], {{"3g.71gb", 0}});
  EXPECT_EQ(resources(now, DeviceStrategy::kSingle).trouble, "");
  EXPECT_EQ(shown(resources(now, DeviceStrategy::kSingle)),
            "nvidia.com/gpu: MIG-0-0 MIG-0-4 MIG-1-0\n");
  place(now.gpus[1], {{"1g.18gb", 4}});
  EXPECT_EQ(resources(now, DeviceStrategy::kSingle).trouble,
            "more than one MIG device type present on node");
}

TEST(DeviceResources, DividedInstancesAreNotOffered) {
  Inventory now = machine(1);
  place(now.gpus[0], {{"3g.71gb", 4}, {"1g.18gb", 0}});
  auto& divided = now.gpus[0].instances[0].compute_instances;
  divided.push_back(divided.front());
  now.gpus[0].instances[1].compute_instances.clear();
  EXPECT_EQ(shown(resources(now, DeviceStrategy::kMixed)), "");
}

TEST(DeviceResources, SickOnesAreSaidToBe) {
  Inventory now = machine(1);
  place(now.gpus[0], {{"1g.18gb", 0}, {"1g.18gb", 1}});
  const auto made = plugin_resources(
      {.now = &now,
       .sick = [](const std::string& id) { return id == "MIG-0-1" ? "Xid 94" : ""; },
       .numa = [](const Gpu&) { return std::optional<std::int64_t>(1); }});
  EXPECT_EQ(shown(made), "nvidia.com/mig-1g.18gb: MIG-0-0 MIG-0-1!\n");
  EXPECT_EQ(made.devices.begin()->second[1].why, "Xid 94");
  EXPECT_EQ(made.devices.begin()->second[1].numa, 1);
}

TEST(DevicePreference, KeepsTheMostPlacementsFree) {
  Inventory now = machine(1);
  place(now.gpus[0], {{"1g.18gb", 0}, {"1g.18gb", 4}, {"1g.18gb", 6}});
  // A 4g can begin at slot 0 only, a 3g at 0 and 4: slot 6 spoils least.
  const auto one = preferred_devices(
      now, {.available = {"MIG-0-0", "MIG-0-4", "MIG-0-6"}, .must_include = {}, .size = 1});
  ASSERT_TRUE(one);
  EXPECT_EQ(*one, std::vector<std::string>{"MIG-0-6"});
  const auto two = preferred_devices(
      now, {.available = {"MIG-0-0", "MIG-0-4", "MIG-0-6"}, .must_include = {}, .size = 2});
  ASSERT_TRUE(two);
  EXPECT_EQ(*two, (std::vector<std::string>{"MIG-0-6", "MIG-0-4"})) << "the same half";
  const auto must = preferred_devices(
      now,
      {.available = {"MIG-0-0", "MIG-0-4", "MIG-0-6"}, .must_include = {"MIG-0-0"}, .size = 2});
  ASSERT_TRUE(must);
  ASSERT_EQ(must->size(), 2U);
  EXPECT_EQ(must->front(), "MIG-0-0");
  EXPECT_NE(must->back(), "MIG-0-0") << "each once";
}

TEST(DevicePreference, AGpuThatIsBrokenIntoAlreadyComesFirst) {
  Inventory now = machine(2);
  place(now.gpus[0], {{"1g.18gb", 6}});
  place(now.gpus[1], {{"3g.71gb", 4}, {"1g.18gb", 0}});
  // The second GPU's 3g is leased: less is lost by a 1g beside it than on the empty one, unless
  // the empty one's is at the very end.
  now.gpus[1].leases.push_back({.id = 1, .gpu_instance = now.gpus[1].instances[0].id});
  const auto first =
      preferred_devices(now, {.available = {"MIG-0-6", "MIG-1-0"}, .must_include = {}, .size = 1});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 1U);
  std::size_t lost_on_first = 0;
  std::size_t lost_on_second = 0;
  const Placement taken{4, 4};
  for (const auto& profile : now.gpus[0].profiles) {
    for (const auto place : profile.placements) {
      lost_on_first += place.overlaps({6, 1}) ? 1 : 0;
      lost_on_second += place.overlaps({0, 1}) && !place.overlaps(taken) ? 1 : 0;
    }
  }
  EXPECT_EQ(first->front(), lost_on_first <= lost_on_second ? "MIG-0-6" : "MIG-1-0");
}

TEST(DevicePreference, ContradictionsAreErrors) {
  const Inventory now = machine(1);
  EXPECT_FALSE(preferred_devices(now, {{"a"}, {}, 2}));
  EXPECT_FALSE(preferred_devices(now, {{"a", "b"}, {"a", "b"}, 1}));
  EXPECT_FALSE(preferred_devices(now, {{"a", "b"}, {"c"}, 1}));
  EXPECT_TRUE(preferred_devices(now, {{"a", "b"}, {}, 2})) << "ids that are not known come last";
  EXPECT_TRUE(preferred_devices(now, {{}, {}, 0}));
}

}  // namespace
}  // namespace mig::kube
