// SPDX-License-Identifier: Apache-2.0
#include "observe/leases.h"

#include <gtest/gtest.h>

namespace mig::observe {
namespace {

ProcessSample process(std::uint32_t pid,
                      std::uint32_t uid,
                      std::uint32_t instance,
                      const std::string& tenant) {
  ProcessSample out;
  out.pid = pid;
  out.uid = uid;
  out.gpu_instance = GpuInstanceId{instance};
  out.compute_instance = ComputeInstanceId{0};
  out.tenant = tenant;
  return out;
}

// Two GPUs with two instances each, and users 1 (team a) and 2 (team b) on the first's.
MachineSample machine() {
  MachineSample out;
  for (const char* uuid : {"GPU-1", "GPU-2"}) {
    GpuSample& gpu = out.gpus.emplace_back();
    gpu.uuid = uuid;
    for (std::uint32_t id : {1U, 2U}) {
      GpuInstanceSample& instance = gpu.instances.emplace_back();
      instance.id = {id};
      instance.compute_instances.emplace_back().uuid = "MIG-" + gpu.uuid + "-" + std::to_string(id);
    }
  }
  out.gpus[0].processes = {process(11, 1, 1, "a"), process(12, 2, 1, "b"), process(13, 1, 2, "a")};
  return out;
}

lease::Lease lease_of(std::int64_t id,
                      const std::string& gpu,
                      std::uint32_t instance,
                      std::uint32_t uid,
                      const std::string& tenant) {
  lease::Lease out;
  out.id = id;
  out.uid = uid;
  out.tenant = tenant;
  out.granted_ms = 5;
  out.instance.gpu_uuid = gpu;
  out.instance.gpu_instance = {instance};
  out.instance.uuid = "MIG-" + gpu + "-" + std::to_string(instance);
  return out;
}

TEST(Leases, GoToTheirInstanceAndItsUsersProcesses) {
  MachineSample sample = machine();
  lease::Lease other_instance = lease_of(4, "GPU-2", 2, 1, "a");
  other_instance.instance.uuid = "MIG-of-before";
  lease::Lease vanished = lease_of(5, "GPU-2", 1, 1, "a");
  vanished.vanished = true;
  add_leases(sample,
             {lease_of(3, "GPU-1", 1, 1, "a"),
              other_instance,
              vanished,
              lease_of(6, "GPU-1", 1, 2, "b"),
              lease_of(7, "GPU-3", 1, 1, "a")});
  const auto uses = [&](int gpu, int instance) {
    return sample.gpus[gpu].instances[instance].compute_instances[0].uses;
  };
  ASSERT_EQ(uses(0, 0).size(), 2U);
  EXPECT_EQ(uses(0, 0)[0].lease, 3);
  EXPECT_EQ(uses(0, 0)[0].since_ms, 5);
  EXPECT_EQ(uses(0, 0)[1].tenant, "b");
  EXPECT_TRUE(uses(1, 0).empty()) << "its instance is gone";
  EXPECT_TRUE(uses(1, 1).empty()) << "another instance is there now";
  EXPECT_EQ(sample.gpus[0].processes[0].lease, 3);
  EXPECT_EQ(sample.gpus[0].processes[1].lease, 6);
  EXPECT_EQ(sample.gpus[0].processes[2].lease, std::nullopt) << "runs without one";
}

TEST(Leases, ATenantSeesItsOwn) {
  MachineSample sample = machine();
  add_leases(sample, {lease_of(3, "GPU-1", 1, 1, "a"), lease_of(6, "GPU-1", 1, 2, "b")});
  const MachineSample seen = seen_by(sample, "b");
  ASSERT_EQ(seen.gpus.size(), 2U);
  ASSERT_EQ(seen.gpus[0].instances.size(), 2U) << "what instances there are is no secret";
  const auto& uses = seen.gpus[0].instances[0].compute_instances[0].uses;
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].lease, 6);
  ASSERT_EQ(seen.gpus[0].processes.size(), 1U);
  EXPECT_EQ(seen.gpus[0].processes[0].pid, 12U);
}

}  // namespace
}  // namespace mig::observe
