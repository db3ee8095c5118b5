// SPDX-License-Identifier: Apache-2.0
// Test fixture for leases: a machine of instances, a store, holders that are real processes, and a
// manual clock.
#ifndef MIGCTL_LEASE_TEST_LEASES_H_
#define MIGCTL_LEASE_TEST_LEASES_H_

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "lease/lease.h"

namespace mig::lease {

inline Inventory machine_of(const std::vector<std::string>& profiles) {
  Inventory inventory;
  Gpu& gpu = inventory.gpus.emplace_back();
  gpu.uuid = "GPU-0";
  gpu.mig_current = MigMode::kEnabled;
  for (std::uint32_t i = 0; i < profiles.size(); ++i) {
    GpuInstance& instance = gpu.instances.emplace_back();
    instance.id = GpuInstanceId{i};
    instance.name = *ProfileName::parse(profiles[i]);
    instance.memory_mib = instance.name.memory_gb * 1024ULL;
    instance.sm = instance.name.gpu_slices * 14;
    ComputeInstance& compute = instance.compute_instances.emplace_back();
    compute.name = instance.name;
    compute.uuid = fmt::format("MIG-{}", i);
  }
  return inventory;
}

class LeasesTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/leases-XXXXXX";
    ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
    settings_.clock = &clock_;
  }

  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    std::filesystem::remove_all(dir_);
  }

  Leases open() {
    auto leases = Leases::open(dir_ + "/leases.db", settings_);
    EXPECT_TRUE(leases) << leases.error().text();
    return *std::move(leases);
  }

  // A child process that sleeps until it is killed.
  LeaseHolder child() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    children_.push_back(pid);
    const auto number = static_cast<std::uint32_t>(pid);
    return LeaseHolder::process(number, *holders::start_of("/proc", number));
  }

  void end(const LeaseHolder& holder) {
    ::kill(static_cast<pid_t>(holder.pid), SIGKILL);
    ::waitpid(static_cast<pid_t>(holder.pid), nullptr, 0);
    std::erase(children_, static_cast<pid_t>(holder.pid));
  }

  // A site where tenant "a" may preempt with priorities up to 5.
  void allow_preemption(std::int64_t grace_ms) {
    Tenant tenant;
    tenant.name = "a";
    tenant.max_priority = 5;
    tenant.may_preempt = true;
    settings_.tenants.tenants = {tenant};
    settings_.tenants.preemption = {true, grace_ms};
  }

  static Result<std::string> no_cgroup(const store::LeaseRow& /*lease*/) { return std::string(); }

  static LeaseRequest request(const std::string& profile, const LeaseHolder& holder) {
    LeaseRequest request;
    request.need.profile = *ProfileName::parse(profile);
    request.holder = holder;
    request.caller.tenant = "a";
    return request;
  }

  std::string dir_;
  base::ManualClock clock_{std::chrono::hours(1000)};
  Settings settings_;
  std::vector<pid_t> children_;
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_TEST_LEASES_H_
