// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apply/layout_diff.h"
#include "apply/preflight.h"
#include "apply/step_checks.h"

namespace mig::apply {
namespace {

GpuInstance instance(std::uint32_t id, const char* name, Placement placement) {
  GpuInstance gi;
  gi.id = GpuInstanceId{id};
  gi.name = *ProfileName::parse(name);
  gi.placement = placement;
  ComputeInstance ci;
  ci.name = gi.name;
  gi.compute_instances = {ci};
  return gi;
}

Gpu gpu_with(std::vector<GpuInstance> instances) {
  Gpu gpu;
  gpu.uuid = "GPU-a";
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  gpu.instances = std::move(instances);
  return gpu;
}

Step step_of(StepKind kind, const char* name, Placement placement) {
  Step step;
  step.kind = kind;
  step.gpu_uuid = "GPU-a";
  step.profile = *ProfileName::parse(name);
  step.gpu_placement = placement;
  return step;
}

Process process_on(std::uint32_t gi, std::uint32_t ci) {
  Process process;
  process.pid = 4121;
  process.name = "python";
  process.gpu_instance = GpuInstanceId{gi};
  process.compute_instance = ComputeInstanceId{ci};
  return process;
}

TEST(StepChecks, AnInstanceIsFoundByIdOrElseByItsPlace) {
  device::LayoutReading now;
  now.instances = {instance(2, "3g.20gb", {4, 4}), instance(3, "2g.10gb", {0, 2})};
  Step step = step_of(StepKind::kCreateComputeInstance, "1c.3g.20gb", {4, 4});
  ASSERT_NE(find_gpu_instance(now, step), nullptr);
  EXPECT_EQ(find_gpu_instance(now, step)->id.value, 2U);
  step.gpu_instance = GpuInstanceId{3};
  EXPECT_EQ(find_gpu_instance(now, step)->id.value, 3U);
  step.gpu_instance = GpuInstanceId{9};
  EXPECT_EQ(find_gpu_instance(now, step), nullptr);
}

TEST(StepChecks, OnlyThoseWhoWouldBeHurtStandInTheWay) {
  device::LayoutReading now;
  now.processes = {process_on(2, 0)};
  Step step = step_of(StepKind::kDestroyGpuInstance, "3g.20gb", {4, 4});
  step.gpu_instance = GpuInstanceId{2};
  const auto held = check_holders(now, step);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, ErrorCode::kInUse);
  EXPECT_NE(held.error().message.find("pid 4121 (python) runs on it"), std::string::npos);
  step.gpu_instance = GpuInstanceId{3};
  EXPECT_TRUE(check_holders(now, step));
  step.kind = StepKind::kDestroyComputeInstance;
  step.gpu_instance = GpuInstanceId{2};
  step.compute_instance = ComputeInstanceId{1};
  EXPECT_TRUE(check_holders(now, step));
  step.compute_instance = ComputeInstanceId{0};
  EXPECT_FALSE(check_holders(now, step));
  EXPECT_FALSE(check_holders(now, step_of(StepKind::kResetGpu, "1g.5gb", {})));
  EXPECT_TRUE(check_holders(now, step_of(StepKind::kCreateGpuInstance, "1g.5gb", {})));
}

TEST(StepChecks, AnInstanceAtAnotherPlaceIsNotTheOneWanted) {
  device::LayoutReading now;
  now.instances = {instance(2, "3g.20gb", {4, 4})};
  Step step = step_of(StepKind::kCreateGpuInstance, "3g.20gb", {0, 4});
  step.gpu_instance = GpuInstanceId{2};
  EXPECT_FALSE(holds(now, step));
  step.gpu_placement = {4, 4};
  EXPECT_TRUE(holds(now, step));
}

TEST(LayoutDiff, SaysWhatIsLeftAndHowToGoBack) {
  Inventory before;
  before.gpus = {gpu_with({instance(3, "2g.10gb", {0, 2})})};
  Inventory now;
  now.gpus = {gpu_with({instance(2, "3g.20gb", {4, 4})})};
  Plan plan;
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  const auto diff = layout_diff(plan, before, now);
  ASSERT_EQ(diff.size(), 2U);
  EXPECT_EQ(diff[0].what, "GPU 0 has 3g.20gb at 4:4 (gi=2), which was not there so");
  EXPECT_EQ(diff[0].command, "migctl destroy -i 0 --gi 2");
  EXPECT_EQ(diff[1].what, "GPU 0 lacks 2g.10gb at 0:2");
  EXPECT_EQ(diff[1].command, "migctl create 2g.10gb:0 -i 0");
  EXPECT_TRUE(layout_diff(plan, before, before).empty());
}

TEST(LayoutDiff, AnotherIdAtTheSamePlaceIsTheSameLayout) {
  Inventory before;
  before.gpus = {gpu_with({instance(3, "2g.10gb", {0, 2})})};
  Inventory now;
  now.gpus = {gpu_with({instance(5, "2g.10gb", {0, 2})})};
  Plan plan;
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  EXPECT_TRUE(layout_diff(plan, before, now).empty());
}

TEST(Preflight, PermissionComesBeforeConflict) {
  Plan plan;
  plan.generation = 1;
  plan.steps = {step_of(StepKind::kCreateGpuInstance, "1g.5gb", {0, 1})};
  Inventory now;
  now.generation = 2;
  now.gpus = {gpu_with({})};
  EXPECT_EQ(preflight(plan, now, {}).error().code, ErrorCode::kConflict);
  now.gpus[0].instances_complete = false;
  EXPECT_EQ(preflight(plan, now, {}).error().code, ErrorCode::kPermission);
}

TEST(Preflight, ModeOnlyLeavesInstancesAloneUnlessTheModeGoesOff) {
  Plan plan;
  plan.steps = {step_of(StepKind::kDestroyGpuInstance, "1g.5gb", {0, 1}),
                step_of(StepKind::kCreateGpuInstance, "2g.10gb", {0, 2})};
  ApplyOptions options;
  options.mode_only = true;
  EXPECT_TRUE(selected_steps(plan, options).empty());
  plan.steps.push_back(step_of(StepKind::kDisableMig, "1g.5gb", {}));
  EXPECT_EQ(selected_steps(plan, options).size(), 2U);
}

}  // namespace
}  // namespace mig::apply
