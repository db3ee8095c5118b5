// SPDX-License-Identifier: Apache-2.0
#include "apply/in_use.h"

#include <gtest/gtest.h>

namespace mig::apply {
namespace {

using holders::Holder;
using holders::Kind;
using holders::Report;

Holder holder(std::uint32_t pid, std::optional<std::uint32_t> gi, std::optional<std::uint32_t> ci) {
  Holder one;
  one.pid = pid;
  one.start_ticks = pid * 10;
  one.name = "python";
  if (gi) {
    one.gpu_instance = GpuInstanceId{*gi};
  }
  if (ci) {
    one.compute_instance = ComputeInstanceId{*ci};
  }
  one.evidence = {"/dev/nvidia-caps/nvidia-cap31"};
  return one;
}

Holder service(std::uint32_t pid) {
  Holder one = holder(pid, {}, {});
  one.kind = Kind::kService;
  one.name = "nv-hostengine";
  return one;
}

Step destroy(StepKind kind, std::uint32_t gi, std::optional<std::uint32_t> ci) {
  Step step;
  step.kind = kind;
  step.gpu_uuid = "GPU-a";
  step.gpu_instance = GpuInstanceId{gi};
  if (ci) {
    step.compute_instance = ComputeInstanceId{*ci};
  }
  return step;
}

TEST(InUse, AnOpenNodeStopsTheStepThatWouldTakeItAway) {
  const Report report{{holder(41, 3, 0)}, 0};
  const auto refused = check_open_nodes(report, destroy(StepKind::kDestroyGpuInstance, 3, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
  EXPECT_NE(refused.error().message.find("pid 41 (python)"), std::string::npos);
  EXPECT_NE(refused.error().message.find("nvidia-cap31"), std::string::npos);
  EXPECT_FALSE(check_open_nodes(report, destroy(StepKind::kDestroyComputeInstance, 3, 0)));
  EXPECT_TRUE(check_open_nodes(report, destroy(StepKind::kDestroyComputeInstance, 3, 1)));
  EXPECT_TRUE(check_open_nodes(report, destroy(StepKind::kDestroyGpuInstance, 4, {})));
  EXPECT_FALSE(check_open_nodes(report, destroy(StepKind::kResetGpu, 0, {})));
  Step elsewhere = destroy(StepKind::kDestroyGpuInstance, 3, {});
  elsewhere.gpu = GpuIndex{1};
  EXPECT_TRUE(check_open_nodes(report, elsewhere));
}

TEST(InUse, WhoHoldsTheWholeGpuStopsAResetAndNoDestroy) {
  const Report process{{holder(41, {}, {})}, 0};
  EXPECT_TRUE(check_open_nodes(process, destroy(StepKind::kDestroyGpuInstance, 3, {})));
  EXPECT_FALSE(check_open_nodes(process, destroy(StepKind::kResetGpu, 0, {})));
  EXPECT_FALSE(check_open_nodes(process, destroy(StepKind::kDisableMig, 0, {})));
  EXPECT_TRUE(check_open_nodes({{service(9)}, 0}, destroy(StepKind::kResetGpu, 0, {})))
      << "whether a service is in the way is for the driver to say";
}

Holder open_only(std::uint32_t pid, const char* name) {
  Holder one = holder(pid, {}, {});
  one.name = name;
  one.stops = holders::Stops::kReset;
  one.evidence = {"/dev/nvidia0"};
  return one;
}

// Hopper and later change their mode while open; no GPU is reset while open.
TEST(InUse, WhoOnlyHasTheGpuOpenStopsTheModeWhereThatTakesAReset) {
  const Report agent{{open_only(41, "nvitop")}, 0};
  EXPECT_FALSE(check_open_nodes(agent, destroy(StepKind::kEnableMig, 0, {}), false));
  EXPECT_TRUE(check_open_nodes(agent, destroy(StepKind::kEnableMig, 0, {}), true));
  EXPECT_FALSE(check_open_nodes(agent, destroy(StepKind::kResetGpu, 0, {}), true));
  const Report job{{holder(42, {}, {})}, 0};  // a process with a compute context
  EXPECT_FALSE(check_open_nodes(job, destroy(StepKind::kEnableMig, 0, {}), true));
}

TEST(InUse, ACommandThatOnlyLooksStopsNothing) {
  const Report look{{open_only(41, "nvidia-smi"), open_only(42, "migctl")}, 0};
  EXPECT_TRUE(check_open_nodes(look, destroy(StepKind::kEnableMig, 0, {})));
  EXPECT_TRUE(check_open_nodes(look, destroy(StepKind::kResetGpu, 0, {})));
  EXPECT_TRUE(only_passing(look, GpuIndex{0}));
  EXPECT_TRUE(only_passing({}, GpuIndex{0}));
  const Report both{{open_only(41, "nvidia-smi"), open_only(43, "nvitop")}, 0};
  EXPECT_FALSE(only_passing(both, GpuIndex{0}));
  EXPECT_TRUE(only_passing(both, GpuIndex{1})) << "another GPU's holder";
}

Holder xorg() {
  Holder one = open_only(9, "Xorg");
  one.kind = Kind::kDisplay;
  one.owner.unit = "gdm.service";
  one.evidence = {"driver process list", "/dev/nvidia0"};
  return one;
}

Plan plan_with(std::vector<Step> steps) {
  Plan plan;
  GpuPlan gpu;
  gpu.uuid = "GPU-a";
  plan.gpus.push_back(gpu);
  plan.steps = std::move(steps);
  return plan;
}

TEST(InUse, ADisplayIsWarnedOfBeforeTheFirstInstance) {
  Plan plan = plan_with({destroy(StepKind::kCreateGpuInstance, 3, {})});
  add_blockers({{xorg()}, 0}, plan);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_NE(plan.warnings[0].find("pid 9 (Xorg, gdm.service) on GPU 0 draws on it"),
            std::string::npos)
      << plan.warnings[0];
  EXPECT_NE(plan.warnings[0].find("systemctl stop gdm.service"), std::string::npos);
  EXPECT_FALSE(plan.blocked());
  Plan more = plan_with({destroy(StepKind::kCreateGpuInstance, 3, {})});
  more.gpus[0].kept.emplace_back();
  add_blockers({{xorg()}, 0}, more);
  EXPECT_TRUE(more.warnings.empty()) << "there is an instance already";
  Plan none = plan_with({destroy(StepKind::kDestroyGpuInstance, 3, {})});
  add_blockers({{xorg()}, 0}, none);
  EXPECT_TRUE(none.warnings.empty());
}

// No process to wait for or to signal: a warning, as the driver decides.
TEST(InUse, AScreenOfNobodyKnownIsWarnedOf) {
  Holder screen;
  screen.kind = Kind::kDisplay;
  screen.stops = holders::Stops::kReset;
  screen.evidence = {"display active"};
  const Report report{{screen}, 0};
  EXPECT_TRUE(check_open_nodes(report, destroy(StepKind::kResetGpu, 0, {})));
  Plan reset = plan_with({destroy(StepKind::kResetGpu, 0, {})});
  add_blockers(report, reset);
  EXPECT_FALSE(reset.blocked());
  EXPECT_EQ(reset.warnings,
            std::vector<std::string>{"a display (whose, the driver does not say) on GPU 0 may keep "
                                     "GPU 0 from being reset"});
  Plan first = plan_with({destroy(StepKind::kCreateGpuInstance, 3, {})});
  add_blockers(report, first);
  ASSERT_EQ(first.warnings.size(), 1U);
  EXPECT_NE(first.warnings[0].find("draws on it: the driver refuses the first"), std::string::npos)
      << first.warnings[0];
}

TEST(InUse, TheModeOfAGpuWithoutResetIsNotBlockedByWhoHasItOpen) {
  Plan mode = plan_with({destroy(StepKind::kEnableMig, 0, {})});
  add_blockers({{open_only(41, "nvitop"), xorg()}, 0}, mode);
  EXPECT_FALSE(mode.blocked());
  Plan reset =
      plan_with({destroy(StepKind::kEnableMig, 0, {}), destroy(StepKind::kResetGpu, 0, {})});
  add_blockers({{open_only(41, "nvitop"), open_only(42, "nvidia-smi"), xorg()}, 0}, reset);
  ASSERT_EQ(reset.gpus[0].blockers.size(), 2U) << "nvitop and the display";
  EXPECT_TRUE(reset.warnings.empty()) << "a look that is over in a moment is not worth a word";
}

TEST(InUse, AHolderMakesItsInstanceBusyOnce) {
  Inventory inventory;
  inventory.gpus.resize(1);
  Process listed;
  listed.pid = 41;
  listed.gpu_instance = GpuInstanceId{3};
  listed.compute_instance = ComputeInstanceId{0};
  inventory.gpus[0].processes = {listed};
  add_holders({{holder(41, 3, 0), holder(41, 3, {}), holder(42, 5, {}), service(9)}, 0}, inventory);
  ASSERT_EQ(inventory.gpus[0].processes.size(), 2U);
  EXPECT_EQ(inventory.gpus[0].processes[1].pid, 42U);
  EXPECT_EQ(inventory.gpus[0].processes[1].gpu_instance, GpuInstanceId{5});
}

Plan plan_with(StepKind kind) {
  Plan plan;
  plan.steps = {destroy(kind, 3, {})};
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  return plan;
}

TEST(InUse, BlockersOfAResetAreNamedAndServicesWarnedOf) {
  const Report report{{service(9), holder(41, {}, {})}, 0};
  Plan plan = plan_with(StepKind::kResetGpu);
  add_blockers(report, plan);
  ASSERT_EQ(plan.gpus[0].blockers.size(), 1U);
  EXPECT_EQ(plan.gpus[0].blockers[0].process->pid, 41U);
  EXPECT_EQ(plan.gpus[0].blockers[0].start_ticks, 410U);
  EXPECT_EQ(plan.gpus[0].blockers[0].stops, Blocker::Stops::kReset);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_NE(plan.warnings[0].find("nv-hostengine"), std::string::npos);
  Plan destroys = plan_with(StepKind::kDestroyGpuInstance);
  add_blockers(report, destroys);
  EXPECT_FALSE(destroys.blocked());
  EXPECT_TRUE(destroys.warnings.empty());
}

TEST(InUse, ABlockerThatIsGoneIsStruckOutAlsoWhenItsNumberIsUsedAgain) {
  Plan plan = plan_with(StepKind::kResetGpu);
  add_blockers({{holder(41, {}, {}), holder(42, {}, {})}, 0}, plan);
  ASSERT_EQ(plan.gpus[0].blockers.size(), 2U);
  Holder reused = holder(41, {}, {});
  reused.start_ticks = 9999;
  drop_gone({{reused, holder(42, {}, {})}, 0}, plan);
  ASSERT_EQ(plan.gpus[0].blockers.size(), 1U);
  EXPECT_EQ(plan.gpus[0].blockers[0].process->pid, 42U);
}

}  // namespace
}  // namespace mig::apply
