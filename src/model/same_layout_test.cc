// SPDX-License-Identifier: Apache-2.0
#include "model/same_layout.h"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace mig {
namespace {

Gpu gpu_with_an_instance() {
  Gpu gpu;
  gpu.uuid = "GPU-1";
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  GpuInstance instance;
  instance.id = GpuInstanceId{3};
  instance.placement = {0, 4};
  ComputeInstance compute;
  compute.id = ComputeInstanceId{0};
  compute.uuid = "MIG-1";
  instance.compute_instances = {compute};
  gpu.instances = {instance};
  return gpu;
}

TEST(SameLayout, IsOfModesAndInstances) {
  const Gpu gpu = gpu_with_an_instance();
  EXPECT_TRUE(same_layout(gpu, gpu));
  const std::vector<std::function<void(Gpu&)>> changes = {
      [](Gpu& other) { other.uuid = "GPU-2"; },
      [](Gpu& other) { other.mig_current = MigMode::kDisabled; },
      [](Gpu& other) { other.mig_pending = MigMode::kDisabled; },
      [](Gpu& other) { other.instances.clear(); },
      [](Gpu& other) { other.instances[0].id = GpuInstanceId{4}; },
      [](Gpu& other) {
        other.instances[0].placement = {4, 4};
      },
      [](Gpu& other) { other.instances[0].compute_instances.clear(); },
      [](Gpu& other) { other.instances[0].compute_instances[0].uuid = "MIG-2"; },
      [](Gpu& other) { other.instances[0].compute_instances[0].device_index = 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Gpu other = gpu;
    changes[i](other);
    EXPECT_FALSE(same_layout(gpu, other)) << "change " << i;
  }
}

TEST(SameLayout, IsNotOfWhatChangesByItself) {
  const Gpu gpu = gpu_with_an_instance();
  Gpu other = gpu;
  other.index = GpuIndex{7};
  other.processes.emplace_back();
  other.instances[0].compute_instances[0].memory_used_mib = 5;
  EXPECT_TRUE(same_layout(gpu, other));
}

}  // namespace
}  // namespace mig
