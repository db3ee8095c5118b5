// SPDX-License-Identifier: Apache-2.0
// Modes, resets, and the processes that block them.
#include <gtest/gtest.h>

#include "planner/test_plans.h"

namespace mig::planner {
namespace {

using in_words::plan_for;
using in_words::steps_of;
using in_words::want;
using testing::add_instance;
using testing::add_process;
using testing::board;

TEST(Plan, ModeChangesNeedAResetOnAmpereOnly) {
  Gpu ampere = board("a100_sxm4_40gb");
  ampere.mig_current = ampere.mig_pending = MigMode::kDisabled;
  EXPECT_EQ(steps_of(plan_for(ampere, want({}))),
            (std::vector<std::string>{"enable MIG on GPU 0", "reset GPU 0"}));
  Gpu hopper = board("h200_141gb");
  hopper.mig_current = hopper.mig_pending = MigMode::kDisabled;
  EXPECT_EQ(steps_of(plan_for(hopper, want({}))), std::vector<std::string>{"enable MIG on GPU 0"});
  EXPECT_TRUE(plan_for(hopper, want({}, false))->empty());

  add_instance(hopper, "7g.141gb", 0);
  hopper.mig_current = hopper.mig_pending = MigMode::kEnabled;
  EXPECT_EQ(steps_of(plan_for(hopper, want({}, false))),
            (std::vector<std::string>{
                "destroy compute instance 7g.141gb ci=0 at 0:8 in 7g.141gb on GPU 0 gi=0 at 0:8",
                "destroy 7g.141gb on GPU 0 gi=0 at 0:8",
                "disable MIG on GPU 0"}));
}

TEST(Plan, PendingModes) {
  Gpu gpu = board("h200_141gb");
  gpu.mig_current = MigMode::kDisabled;  // enabled is pending until a reset
  EXPECT_EQ(steps_of(plan_for(gpu, want({}))),
            (std::vector<std::string>{"enable MIG on GPU 0", "reset GPU 0"}));
  EXPECT_EQ(steps_of(plan_for(gpu, want({}, false))),
            std::vector<std::string>{"disable MIG on GPU 0"});
  EXPECT_EQ(differences(testing::inventory({gpu}), want({}, false)),
            std::vector<std::string>{"GPU 0: MIG is disabled, but enabled after the next reset"});
}

TEST(Plan, WhoRunsBlocksModeChangesAndResets) {
  Gpu gpu = board("a100_sxm4_40gb");
  gpu.mig_current = gpu.mig_pending = MigMode::kDisabled;
  Process process;
  process.pid = 9;
  gpu.processes = {process};
  const auto enable = plan_for(gpu, want({"7g.40gb"}));
  ASSERT_TRUE(enable);
  ASSERT_EQ(enable->gpus[0].blockers.size(), 1U);
  EXPECT_EQ(enable->gpus[0].blockers[0].what, "pid 9 runs on GPU 0");
  EXPECT_EQ(enable->gpus[0].blockers[0].stops, Blocker::Stops::kReset);

  Gpu busy = board("a100_sxm4_40gb");
  add_process(busy, add_instance(busy, "3g.20gb", 4), 4121);
  const auto disable = plan_for(busy, want({}, false));
  ASSERT_TRUE(disable);
  EXPECT_TRUE(disable->blocked());
  EXPECT_EQ(disable->gpus[0].blockers[0].stops, Blocker::Stops::kDestroy);
}

// No instance is destroyed, but the mode change stops what runs on the GPU.
TEST(Plan, WhoRunsOnAGpuWithoutInstancesBlocksTheModesEnd) {
  Process process;
  process.pid = 9;
  for (const auto& [key, stops] : {std::pair("a100_sxm4_40gb", Blocker::Stops::kReset),
                                   std::pair("h200_141gb", Blocker::Stops::kModeChange)}) {
    Gpu gpu = board(key);
    gpu.processes = {process};
    const auto plan = plan_for(gpu, want({}, false));
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_EQ(plan->gpus[0].blockers.size(), 1U) << key;
    EXPECT_EQ(plan->gpus[0].blockers[0].what, "pid 9 runs on GPU 0");
    EXPECT_EQ(plan->gpus[0].blockers[0].stops, stops);
  }
}

// RTX PRO 6000 Max-Q, 580.105.08, under Xorg and gnome-shell: the mode changes, instances are
// destroyed; only the first instance is refused, by the driver.
TEST(Plan, ADisplayIsOnNoInstanceAndInTheWayOfAResetOnly) {
  Process display;
  display.pid = 9;
  display.name = "Xorg";
  display.graphics = true;
  Gpu idle = board("h100_sxm5_80gb");
  idle.processes = {display};
  const auto destroy = plan_for(idle, want({}, false));
  ASSERT_TRUE(destroy);
  EXPECT_FALSE(destroy->blocked());
  Gpu off = board("h100_sxm5_80gb");
  off.mig_current = off.mig_pending = MigMode::kDisabled;
  off.processes = {display};
  EXPECT_FALSE(plan_for(off, want({}))->blocked());
  Gpu ampere = board("a100_sxm4_40gb");
  ampere.mig_current = ampere.mig_pending = MigMode::kDisabled;
  ampere.processes = {display};
  const auto reset = plan_for(ampere, want({}));
  ASSERT_TRUE(reset);
  ASSERT_TRUE(reset->blocked());
  EXPECT_EQ(reset->gpus[0].blockers[0].stops, Blocker::Stops::kReset);
  off.processes[0].graphics = false;
  EXPECT_TRUE(plan_for(off, want({}))->blocked()) << "it computes";
}

}  // namespace
}  // namespace mig::planner
