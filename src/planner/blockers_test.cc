// SPDX-License-Identifier: Apache-2.0
#include "planner/blockers.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/planner.h"

namespace mig::planner {
namespace {

constexpr ComputeInstanceId kFirst{0};
constexpr ComputeInstanceId kSecond{1};

// A 3g.20gb with two compute instances: a process on the first, a lease of the second.
Gpu gpu() {
  Gpu gpu = testing::board("a100_sxm4_40gb");
  GpuInstance& instance = testing::add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb", "1c.3g.20gb"});
  testing::add_process(gpu, instance, 41);
  gpu.processes.back().compute_instance = kFirst;
  gpu.leases = {{3, "team-a", "train", instance.id, kSecond, 77, 1234}};
  return gpu;
}

TEST(Blockers, AProcessAndALeaseAreTwoKindsOfThem) {
  const Gpu there = gpu();
  const auto blockers = blockers_of_destroy(there, there.instances[0]);
  ASSERT_EQ(blockers.size(), 2U);
  ASSERT_TRUE(blockers[0].process);
  EXPECT_EQ(blockers[0].process->pid, 41U);
  EXPECT_FALSE(blockers[0].lease);
  EXPECT_EQ(blockers[0].what, "pid 41 (python) runs on 3g.20gb gi=0 on GPU 0");
  EXPECT_FALSE(blockers[1].process) << "a lease is no process";
  ASSERT_TRUE(blockers[1].lease);
  EXPECT_EQ(blockers[1].lease->id, 3);
  EXPECT_EQ(blockers[1].start_ticks, 1234U);
  EXPECT_EQ(blockers[1].what, "lease 3 of team-a (train) holds 3g.20gb gi=0 on GPU 0");
}

TEST(Blockers, OfOneComputeInstanceOnlyWhoMayBeOnIt) {
  Gpu there = gpu();
  const auto first = blockers_of_destroy(there, there.instances[0], kFirst);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(first[0].process);
  const auto second = blockers_of_destroy(there, there.instances[0], kSecond);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_TRUE(second[0].lease);
  there.processes[0].compute_instance.reset();  // the driver reports no compute instance
  EXPECT_EQ(blockers_of_destroy(there, there.instances[0], kSecond).size(), 2U);
}

// A lease alone, without a process, pins the instance.
TEST(Blockers, APlanGoesAroundWhatIsLeased) {
  Gpu there = gpu();
  there.processes.clear();
  DesiredLayout desired;
  DesiredInstance wanted;
  wanted.profile = ProfileName::parse("4g.20gb").value();
  wanted.compute_instances = {wanted.profile};
  desired.gpus = {{GpuIndex{0}, true, {wanted}, {}}};
  const auto refused = plan(testing::inventory({there}), desired, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
  EXPECT_NE(refused.error().message.find("lease 3 of team-a (train)"), std::string::npos)
      << refused.error().message;
  there.leases.clear();
  EXPECT_TRUE(plan(testing::inventory({there}), desired, {}));
}

}  // namespace
}  // namespace mig::planner
