// SPDX-License-Identifier: Apache-2.0
#include "mig/plan.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

Step step(StepKind kind, const char* profile) {
  Step out;
  out.kind = kind;
  out.gpu = {1};
  out.profile = ProfileName::parse(profile).value();
  out.profile_id = {9};
  out.nvml_profile = 2;
  out.gpu_placement = {4, 4};
  return out;
}

TEST(Step, PrintsWhatItDoes) {
  EXPECT_EQ(step(StepKind::kCreateGpuInstance, "3g.20gb").str(), "create 3g.20gb on GPU 1 at 4:4");
  Step destroy = step(StepKind::kDestroyGpuInstance, "3g.20gb");
  destroy.gpu_instance = GpuInstanceId{2};
  EXPECT_EQ(destroy.str(), "destroy 3g.20gb on GPU 1 gi=2 at 4:4");
  Step compute = step(StepKind::kCreateComputeInstance, "1c.3g.20gb");
  EXPECT_EQ(compute.str(), "create compute instance 1c.3g.20gb in 3g.20gb on GPU 1 at 4:4");
  compute.kind = StepKind::kDestroyComputeInstance;
  compute.gpu_instance = GpuInstanceId{2};
  compute.compute_instance = ComputeInstanceId{0};
  compute.ci_placement = Placement{0, 1};
  EXPECT_EQ(compute.str(),
            "destroy compute instance 1c.3g.20gb ci=0 at 0:1 in 3g.20gb on GPU 1 gi=2 at 4:4");
  EXPECT_EQ(step(StepKind::kEnableMig, "3g.20gb").str(), "enable MIG on GPU 1");
  EXPECT_EQ(step(StepKind::kDisableMig, "3g.20gb").str(), "disable MIG on GPU 1");
  EXPECT_EQ(step(StepKind::kResetGpu, "3g.20gb").str(), "reset GPU 1");
}

TEST(Step, UndoReversesTheKindAtTheSamePlace) {
  Step destroy = step(StepKind::kDestroyGpuInstance, "3g.20gb");
  destroy.gpu_instance = GpuInstanceId{2};
  const Step create = destroy.undo();
  EXPECT_EQ(create.kind, StepKind::kCreateGpuInstance);
  EXPECT_EQ(create.gpu_placement, destroy.gpu_placement);
  EXPECT_EQ(create.profile_id, destroy.profile_id);
  EXPECT_EQ(create.nvml_profile, destroy.nvml_profile);
  EXPECT_FALSE(create.gpu_instance) << "the id is the driver's to give";

  Step made = step(StepKind::kCreateComputeInstance, "3g.20gb");
  made.gpu_instance = GpuInstanceId{1};
  made.compute_instance = ComputeInstanceId{0};
  EXPECT_EQ(made.undo().kind, StepKind::kDestroyComputeInstance);
  EXPECT_EQ(made.undo().compute_instance, ComputeInstanceId{0});

  EXPECT_EQ(step(StepKind::kEnableMig, "3g.20gb").undo().kind, StepKind::kDisableMig);
  EXPECT_EQ(step(StepKind::kDisableMig, "3g.20gb").undo().kind, StepKind::kEnableMig);
  EXPECT_EQ(step(StepKind::kResetGpu, "3g.20gb").undo().kind, StepKind::kResetGpu);
}

TEST(UndoSteps, LastFirstButTheResetStaysBehindItsModeChange) {
  Step other = step(StepKind::kEnableMig, "3g.20gb");
  other.gpu = {2};
  const std::vector<Step> done = {step(StepKind::kDestroyGpuInstance, "3g.20gb"),
                                  step(StepKind::kDisableMig, "3g.20gb"),
                                  step(StepKind::kResetGpu, "3g.20gb"),
                                  other};
  std::vector<StepKind> kinds;
  for (const Step& undo : undo_steps(done)) {
    kinds.push_back(undo.kind);
  }
  EXPECT_EQ(kinds,
            (std::vector<StepKind>{StepKind::kDisableMig,
                                   StepKind::kEnableMig,
                                   StepKind::kResetGpu,
                                   StepKind::kCreateGpuInstance}));
  EXPECT_TRUE(undo_steps({}).empty());
}

TEST(Plan, BlockedWhenOneGpuIs) {
  Plan plan;
  plan.gpus.resize(2);
  EXPECT_FALSE(plan.blocked());
  plan.gpus[1].blockers.emplace_back();
  EXPECT_TRUE(plan.blocked());
}

}  // namespace
}  // namespace mig
