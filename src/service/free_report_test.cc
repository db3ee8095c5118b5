// SPDX-License-Identifier: Apache-2.0
#include "service/free_report.h"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mig::service {
namespace {

Inventory machine(int instances) {
  Inventory inventory;
  Gpu& gpu = inventory.gpus.emplace_back();
  gpu.uuid = "GPU-0";
  gpu.mig_current = MigMode::kEnabled;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(instances); ++i) {
    GpuInstance& instance = gpu.instances.emplace_back();
    instance.id = GpuInstanceId{i};
    instance.name = *ProfileName::parse("1g.5gb");
    instance.memory_mib = 4864;
    ComputeInstance& compute = instance.compute_instances.emplace_back();
    compute.name = instance.name;
    compute.uuid = fmt::format("MIG-{}", i);
  }
  return inventory;
}

lease::Lease lease_on(int instance, const std::string& tenant) {
  lease::Lease lease;
  lease.id = 10 + instance;
  lease.instance.uuid = fmt::format("MIG-{}", instance);
  lease.tenant = tenant;
  lease.job = "secret";
  return lease;
}

Tenant tenant(const std::string& name, Role role) {
  Tenant one;
  one.name = name;
  one.role = role;
  return one;
}

TEST(FreeReport, EachStateOfAnInstance) {
  Inventory now = machine(5);
  Process process;
  process.pid = 41;
  process.name = "python";
  process.gpu_instance = GpuInstanceId{4};
  process.compute_instance = ComputeInstanceId{0};
  now.gpus[0].processes = {process};
  std::vector<lease::Lease> leases{lease_on(1, "a"), lease_on(2, "a"), lease_on(3, "a")};
  leases[0].left_ms = 60'000;
  leases[1].shared = 2;
  leases[2].ending = "expired";
  const FreeReport report = free_report(now, leases, {}, tenant("b", Role::kUser));
  ASSERT_EQ(report.instances.size(), 5U);
  EXPECT_EQ(report.instances[0].state, Occupancy::kFree);
  EXPECT_EQ(report.instances[1].state, Occupancy::kLeased);
  EXPECT_EQ(report.instances[1].ends_in_ms, 60'000);
  EXPECT_EQ(report.instances[2].state, Occupancy::kShared);
  EXPECT_EQ(report.instances[3].state, Occupancy::kEnding);
  EXPECT_EQ(report.instances[4].state, Occupancy::kInUse);
  leases.push_back(lease_on(2, "c"));
  leases.back().shared = 2;
  EXPECT_EQ(free_report(now, leases, {}, tenant("b", Role::kUser)).instances[2].state,
            Occupancy::kLeased);
}

TEST(FreeReport, WhoHoldsItIsToldToTheTenantAndToOperatorsOnly) {
  Inventory now = machine(2);
  Process process;
  process.pid = 41;
  process.gpu_instance = GpuInstanceId{1};
  process.compute_instance = ComputeInstanceId{0};
  now.gpus[0].processes = {process};
  const std::vector<lease::Lease> leases{lease_on(0, "a")};
  lease::QueueEntry entry;
  entry.tenant = "a";
  entry.job = "secret";
  entry.forecast_ms = 5;
  const FreeReport others = free_report(now, leases, {entry}, tenant("b", Role::kUser));
  EXPECT_TRUE(others.instances[0].holders.empty());
  EXPECT_TRUE(others.instances[1].holders.empty());
  EXPECT_FALSE(others.instances[0].yours);
  EXPECT_EQ(std::pair(others.leases, others.your_leases), std::pair(1UL, 0UL));
  EXPECT_FALSE(others.waiting.at(0).yours);
  EXPECT_EQ(others.waiting.at(0).forecast_ms, 5);
  const FreeReport own = free_report(now, leases, {entry}, tenant("a", Role::kUser));
  EXPECT_EQ(own.instances[0].holders, std::vector<std::string>{"lease 10 of a (secret)"});
  EXPECT_TRUE(own.instances[1].holders.empty());
  EXPECT_TRUE(own.instances[0].yours && own.waiting.at(0).yours);
  const FreeReport all = free_report(now, leases, {}, tenant("c", Role::kOperator));
  EXPECT_EQ(all.instances[0].holders.size(), 1U);
  EXPECT_EQ(all.instances[1].holders, std::vector<std::string>{"pid 41"});
}

TEST(FreeReport, WhatFitsIsCountedOverTheGpusWithMigOn) {
  Inventory now = machine(0);
  GpuInstanceProfile& profile = now.gpus[0].profiles.emplace_back();
  profile.name = *ProfileName::parse("1g.5gb");
  profile.memory_mib = 4864;
  profile.remaining = 3;
  now.gpus.push_back(now.gpus[0]);
  now.gpus.push_back(now.gpus[0]);
  now.gpus[2].mig_current = MigMode::kDisabled;
  const FreeReport report = free_report(now, {}, {}, tenant("b", Role::kUser));
  ASSERT_EQ(report.makeable.size(), 1U);
  EXPECT_EQ(report.makeable[0].count, 6U);
}

}  // namespace
}  // namespace mig::service
