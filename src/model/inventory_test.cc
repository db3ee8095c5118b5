// SPDX-License-Identifier: Apache-2.0
#include "mig/inventory.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

namespace mig {
namespace {

Inventory sample() {
  ComputeInstance compute;
  compute.nvml_profile = 2;
  compute.placement = Placement{0, 3};
  GpuInstance instance;
  instance.id = {2};
  instance.profile_id = {9};
  instance.name = ProfileName::parse("3g.20gb").value();
  instance.placement = {0, 4};
  instance.compute_instances = {compute};
  GpuInstanceProfile profile;
  profile.id = {9};
  profile.name = instance.name;
  Gpu gpu;
  gpu.uuid = "GPU-1";
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  gpu.profiles = {profile};
  gpu.instances = {instance};
  Inventory inventory;
  inventory.gpus = {gpu};
  return inventory;
}

TEST(LayoutGeneration, ChangesWithEveryPartOfTheLayout) {
  const std::vector<std::function<void(Gpu&)>> changes = {
      [](Gpu& gpu) { gpu.uuid = "GPU-2"; },
      [](Gpu& gpu) { gpu.mig_current = MigMode::kDisabled; },
      [](Gpu& gpu) { gpu.mig_pending = MigMode::kDisabled; },
      [](Gpu& gpu) { gpu.instances.clear(); },
      [](Gpu& gpu) { gpu.instances[0].id = {1}; },
      [](Gpu& gpu) { gpu.instances[0].profile_id = {5}; },
      [](Gpu& gpu) {
        gpu.instances[0].placement = {4, 4};
      },
      [](Gpu& gpu) { gpu.instances[0].compute_instances.clear(); },
      [](Gpu& gpu) { gpu.instances[0].compute_instances[0].id = {1}; },
      [](Gpu& gpu) { gpu.instances[0].compute_instances[0].nvml_profile = 0; },
      [](Gpu& gpu) { gpu.instances[0].compute_instances[0].placement.reset(); },
  };
  std::set<std::uint64_t> seen = {layout_generation(sample())};
  for (const auto& change : changes) {
    Inventory changed = sample();
    change(changed.gpus[0]);
    EXPECT_TRUE(seen.insert(layout_generation(changed)).second);
  }
}

TEST(LayoutGeneration, ProcessesAndReadingsDoNotCount) {
  Inventory other = sample();
  other.gpus[0].processes.emplace_back();
  other.gpus[0].profiles[0].remaining = 1;
  other.gpus[0].instances[0].compute_instances[0].memory_used_mib = 5;
  EXPECT_EQ(layout_generation(other), layout_generation(sample()));
}

TEST(Inventory, Finds) {
  const Inventory inventory = sample();
  EXPECT_EQ(inventory.find_gpu(GpuIndex{0}), &inventory.gpus[0]);
  EXPECT_EQ(inventory.find_gpu(GpuIndex{1}), nullptr);
  EXPECT_EQ(inventory.find_gpu("GPU-1"), &inventory.gpus[0]);
  EXPECT_EQ(inventory.find_gpu("GPU-9"), nullptr);
  const Gpu& gpu = inventory.gpus[0];
  EXPECT_EQ(gpu.find_instance(GpuInstanceId{2}), &gpu.instances[0]);
  EXPECT_EQ(gpu.find_instance(GpuInstanceId{1}), nullptr);
  EXPECT_EQ(gpu.find_profile(ProfileId{9}), &gpu.profiles[0]);
  EXPECT_EQ(gpu.find_profile(ProfileName::parse("1c.3g.20gb").value()), &gpu.profiles[0]);
  EXPECT_EQ(gpu.find_profile(ProfileName::parse("3g.20gb+me").value()), nullptr);
}

// RTX PRO 6000 Max-Q in the factory setting (590.44.01): class 0x0300, MIG N/A. A Tesla T4 has
// 0x0302 and no MIG at all; without a reading of an older driver there is no advice.
TEST(Gpu, OutputsThatAreOnKeepMigAway) {
  Gpu gpu;
  EXPECT_FALSE(gpu.has_outputs());
  EXPECT_EQ(gpu.way_to_mig(), "");
  gpu.display.pci_class = 0x0302;
  EXPECT_EQ(gpu.way_to_mig(), "");
  gpu.display.pci_class = 0x0300;
  EXPECT_TRUE(gpu.has_outputs());
  EXPECT_NE(gpu.way_to_mig().find("displaymodeselector --gpumode compute, then a reboot)"),
            std::string::npos)
      << gpu.way_to_mig();
  gpu.display.attached = true;
  EXPECT_NE(gpu.way_to_mig().find("a monitor is attached to it)"), std::string::npos);
  gpu.mig_current = MigMode::kDisabled;
  EXPECT_EQ(gpu.way_to_mig(), "") << "it does MIG";
}

TEST(Gpu, ProcessesOnAnInstanceAndThoseThatMayBe) {
  Inventory inventory = sample();
  Gpu& gpu = inventory.gpus[0];
  Process here;
  here.pid = 1;
  here.gpu_instance = GpuInstanceId{2};
  Process elsewhere;
  elsewhere.pid = 2;
  elsewhere.gpu_instance = GpuInstanceId{3};
  Process anywhere;
  anywhere.pid = 3;
  Process display;
  display.pid = 4;
  display.graphics = true;
  Process drawing_here = here;
  drawing_here.graphics = true;
  EXPECT_TRUE(drawing_here.may_be_on(GpuInstanceId{2})) << "a +gfx instance";
  gpu.processes = {here, elsewhere, anywhere, display};
  const auto found = gpu.processes_on(GpuInstanceId{2});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].pid, 1U);
  EXPECT_EQ(found[1].pid, 3U);
}

}  // namespace
}  // namespace mig
