// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/pod_leases.h"

#include <gtest/gtest.h>

#include "kubernetes/main/device_side.h"

namespace mig::kube {
namespace {

constexpr std::int64_t kNow = 1'000'000'000;
constexpr std::int64_t kLongAgo = kNow - 3'600'000;

lease::Lease lease_of(std::int64_t id, const std::string& uuid, const std::string& key) {
  lease::Lease made;
  made.id = id;
  made.instance.uuid = uuid;
  made.holder = lease::LeaseHolder::external(key);
  made.granted_ms = kLongAgo;
  made.tenant = "team-a";
  made.job = "train";
  return made;
}

ReleaseInput input() {
  return {.leases = {lease_of(1, "MIG-a", "device-plugin/MIG-a"),
                     lease_of(2, "MIG-b", "device-plugin/MIG-b"),
                     lease_of(3, "MIG-c", "kubernetes/uid/gpu-0")},
          .of_pods = {"MIG-a"},
          .now_ms = kNow};
}

TEST(PodLeases, OnlyWhatNoPodHasIsGivenBack) {
  EXPECT_EQ(leases_to_release(input()), std::vector<std::int64_t>{2})
      << "1 is a pod's, 3 is a claim's";
}

TEST(PodLeases, AnAdmissionThatGoesOnKeepsItsLease) {
  auto young = input();
  young.leases[1].granted_ms = kNow - 1000;
  EXPECT_TRUE(leases_to_release(young).empty());
  auto again = input();  // an old lease of a device that is given to the next pod just now
  again.allocated_ms["MIG-b"] = kNow - 1000;
  EXPECT_TRUE(leases_to_release(again).empty());
  auto set_back = input();
  set_back.now_ms = kLongAgo - 1;
  EXPECT_TRUE(leases_to_release(set_back).empty());
}

TEST(PodLeases, LeasesOfOthersAreNeverOurs) {
  auto others = input();
  others.leases = {lease_of(1, "MIG-a", "other/MIG-a")};
  others.leases.push_back(lease_of(2, "MIG-b", "device-plugin/MIG-b"));
  others.leases.back().holder = {lease::LeaseHolder::Kind::kUnit, 0, 0, "device-plugin/MIG-b"};
  others.leases.push_back(lease_of(3, "MIG-c", "device-plugin/MIG-c"));
  others.leases.back().ending = "released";
  others.of_pods.clear();
  EXPECT_TRUE(leases_to_release(others).empty());
}

class NotForPods : public testing::Test {
 protected:
  NotForPods() {
    Gpu gpu;
    gpu.uuid = "GPU-0";
    gpu.mig_current = MigMode::kEnabled;
    GpuInstance instance;
    instance.id = {1};
    ComputeInstance compute;
    compute.uuid = "MIG-a";
    instance.compute_instances.push_back(compute);
    gpu.instances.push_back(instance);
    state_.inventory.gpus.push_back(gpu);
  }

  void run_process() {
    Process process;
    process.pid = 12;
    process.gpu_instance = GpuInstanceId{1};
    state_.inventory.gpus[0].processes.push_back(process);
  }

  MachineState state_;
};

TEST_F(NotForPods, WhatIsFreeIsForPods) {
  EXPECT_EQ(not_for_pods(state_, {}, "MIG-a"), "");
  EXPECT_NE(not_for_pods(state_, {}, "MIG-gone"), "");
}

TEST_F(NotForPods, ALeaseOfSomebodyElseIsInTheWay) {
  state_.leases.push_back(lease_of(3, "MIG-a", "other"));
  EXPECT_EQ(not_for_pods(state_, {}, "MIG-a"), "lease 3 of team-a has it (train)");
  EXPECT_NE(not_for_pods(state_, {"MIG-a"}, "MIG-a"), "");
  state_.leases = {lease_of(4, "MIG-a", "device-plugin/MIG-a")};
  EXPECT_EQ(not_for_pods(state_, {}, "MIG-a"), "") << "our own";
}

TEST_F(NotForPods, AProcessThatIsNoPodsIsInTheWay) {
  run_process();
  EXPECT_NE(not_for_pods(state_, {}, "MIG-a").find("process 12"), std::string::npos);
  EXPECT_EQ(not_for_pods(state_, {"MIG-a"}, "MIG-a"), "") << "a pod's process";
  // After a restart the lease is known before the kubelet's list of pods is.
  state_.leases = {lease_of(4, "MIG-a", "device-plugin/MIG-a")};
  EXPECT_EQ(not_for_pods(state_, {}, "MIG-a"), "") << "a pod's process";
}

}  // namespace
}  // namespace mig::kube
