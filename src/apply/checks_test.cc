// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apply/blame.h"
#include "apply/expected.h"
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
  const Step mode = step_of(StepKind::kEnableMig, "1g.5gb", {});
  now.processes.resize(1);
  now.processes[0].gpu_instance = {};
  now.processes[0].compute_instance = {};
  for (const bool graphics : {true, false}) {
    now.processes[0].graphics = graphics;
    EXPECT_FALSE(check_holders(now, mode)) << "on Ampere, whoever it is";
    EXPECT_EQ(!!check_holders(now, mode, true), graphics);
    EXPECT_FALSE(check_holders(now, step_of(StepKind::kResetGpu, "1g.5gb", {}), true));
  }
  now.processes[0].gpu_instance = GpuInstanceId{3};
  now.processes[0].graphics = true;
  EXPECT_FALSE(check_holders(now, mode, true)) << "it draws on an instance";
  EXPECT_TRUE(check_holders(now, step_of(StepKind::kCreateGpuInstance, "1g.5gb", {})));
}

// The process's compute instance is unknown: it may be any of the GPU instance's.
TEST(StepChecks, AProcessOnTheWholeInstanceStandsInTheWayOfEachComputeInstancesEnd) {
  device::LayoutReading now;
  now.processes = {process_on(2, 0)};
  now.processes[0].compute_instance.reset();
  Step step = step_of(StepKind::kDestroyComputeInstance, "1c.3g.20gb", {4, 4});
  step.gpu_instance = GpuInstanceId{2};
  for (const std::uint32_t id : {0U, 1U}) {
    step.compute_instance = ComputeInstanceId{id};
    EXPECT_FALSE(check_holders(now, step)) << id;
  }
  step.gpu_instance = GpuInstanceId{3};
  EXPECT_TRUE(check_holders(now, step)) << "another GPU instance's";
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
  EXPECT_EQ(diff[0].what, "GPU 0 has 3g.20gb at 4:4 (gi=2)");
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

TEST(Preflight, ABlockedPlanDoesNotBegin) {
  Inventory now;
  now.gpus = {gpu_with({})};
  Plan plan;
  plan.steps = {step_of(StepKind::kCreateGpuInstance, "1g.5gb", {0, 1})};
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  plan.generation = plan_generation(now, plan);
  EXPECT_TRUE(preflight(plan, now, {}));
  Blocker blocker;
  blocker.what = "pid 41";
  plan.gpus[0].blockers = {blocker};
  const auto refused = preflight(plan, now, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
  EXPECT_NE(refused.error().message.find("pid 41"), std::string::npos);
}

TEST(Preflight, AGpuThatWasLostSinceIsNotAChangedLayout) {
  Plan plan;
  plan.generation = 1;
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  Inventory now;
  now.lost = {{GpuIndex{0}, Error{ErrorCode::kDeviceLost, "GPU is lost", {}, {}, 15}}};
  const auto refused = preflight(plan, now, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDeviceLost);
}

Plan plan_of_gpu() {
  Plan plan;
  plan.gpus.resize(1);
  plan.gpus[0].uuid = "GPU-a";
  return plan;
}

Inventory machine_with(std::vector<GpuInstance> instances) {
  Inventory out;
  out.gpus = {gpu_with(std::move(instances))};
  return out;
}

GpuInstance with_computes(GpuInstance gi,
                          const std::vector<std::pair<const char*, int>>& computes) {
  gi.compute_instances.clear();
  for (const auto& [name, start] : computes) {
    ComputeInstance ci;
    ci.id = ComputeInstanceId{static_cast<std::uint32_t>(gi.compute_instances.size())};
    ci.name = *ProfileName::parse(name);
    if (start >= 0) {
      ci.placement = Placement{static_cast<std::uint32_t>(start), 1};
    }
    gi.compute_instances.push_back(ci);
  }
  return gi;
}

TEST(LayoutDiff, AComputeInstanceIsItsOwnDifference) {
  const GpuInstance whole = instance(2, "3g.20gb", {4, 4});
  const Inventory before = machine_with(
      {with_computes(whole, {{"1c.3g.20gb", 0}, {"1c.3g.20gb", 1}, {"1c.3g.20gb", 2}})});
  const Inventory now =
      machine_with({with_computes(whole, {{"1c.3g.20gb", 0}, {"2c.3g.20gb", 1}})});
  const auto diff = layout_diff(plan_of_gpu(), before, now);
  ASSERT_EQ(diff.size(), 3U);
  EXPECT_EQ(diff[0].what,
            "GPU 0 has compute instance 2c.3g.20gb at 1:1 (ci=1) in 3g.20gb at 4:4 (gi=2)");
  EXPECT_EQ(diff[0].command, "migctl destroy -i 0 --gi 2 --ci 1");
  EXPECT_EQ(diff[1].what,
            "GPU 0 lacks compute instance 1c.3g.20gb at 1:1 in 3g.20gb at 4:4 (gi=2)");
  EXPECT_EQ(diff[2].what,
            "GPU 0 lacks compute instance 1c.3g.20gb at 2:1 in 3g.20gb at 4:4 (gi=2)");
}

TEST(LayoutDiff, WhereAPlaceIsNotKnownTheNameCounts) {
  const GpuInstance whole = instance(2, "3g.20gb", {4, 4});
  const Inventory before =
      machine_with({with_computes(whole, {{"1c.3g.20gb", -1}, {"1c.3g.20gb", -1}})});
  EXPECT_TRUE(
      layout_diff(plan_of_gpu(),
                  before,
                  machine_with({with_computes(whole, {{"1c.3g.20gb", 2}, {"1c.3g.20gb", 0}})}))
          .empty());
  EXPECT_EQ(
      layout_diff(plan_of_gpu(), before, machine_with({with_computes(whole, {{"1c.3g.20gb", 2}})}))
          .size(),
      1U);
}

TEST(LayoutDiff, ModesKeptAreThoseOfBeforeOrThePendingOneCome) {
  const auto on = MigMode::kEnabled;
  const auto off = MigMode::kDisabled;
  EXPECT_TRUE(modes_kept(on, on, on, on));
  EXPECT_FALSE(modes_kept(on, on, off, off));
  EXPECT_FALSE(modes_kept(on, on, on, off));
  EXPECT_TRUE(modes_kept(off, on, off, on));
  EXPECT_TRUE(modes_kept(off, on, on, on)) << "the reset that was awaited";
  EXPECT_FALSE(modes_kept(off, on, off, off)) << "what was asked for is lost";
  Inventory before = machine_with({});
  Inventory now = before;
  now.gpus[0].mig_pending = off;
  const auto diff = layout_diff(plan_of_gpu(), before, now);
  ASSERT_EQ(diff.size(), 1U);
  EXPECT_EQ(diff[0].what, "GPU 0 has MIG enabled (disabled pending), before: enabled");
  EXPECT_EQ(diff[0].command, "migctl mode enable -i 0");
}

TEST(LayoutDiff, WhatHasToGoComesFirstThenTheModeThenWhatHasToCome) {
  Inventory before = machine_with({instance(3, "2g.10gb", {0, 2})});
  Inventory now = machine_with({instance(2, "3g.20gb", {4, 4})});
  now.gpus[0].mig_pending = MigMode::kDisabled;
  const auto diff = layout_diff(plan_of_gpu(), before, now);
  ASSERT_EQ(diff.size(), 3U);
  EXPECT_EQ(diff[0].kind, Difference::Kind::kExtra);
  EXPECT_EQ(diff[1].kind, Difference::Kind::kMode);
  EXPECT_EQ(diff[2].kind, Difference::Kind::kMissing);
}

TEST(LayoutDiff, AGpuThatDoesNotAnswerIsToldWithTheDriversWord) {
  const Inventory before = machine_with({});
  Inventory now;
  now.lost = {{GpuIndex{0}, Error{ErrorCode::kDeviceLost, "GPU is lost", {}, {}, 15}}};
  const auto diff = layout_diff(plan_of_gpu(), before, now);
  ASSERT_EQ(diff.size(), 1U);
  EXPECT_EQ(diff[0].what, "GPU 0 does not answer: GPU is lost");
}

Step compute_step(StepKind kind, const char* name, Placement in, std::optional<Placement> at) {
  Step step = step_of(kind, name, in);
  step.ci_placement = at;
  return step;
}

TEST(Expected, StepsMakeThePictureThatIsHeldAgainstTheMachine) {
  Inventory before = machine_with({with_computes(instance(2, "3g.20gb", {4, 4}), {{"3g.20gb", 0}}),
                                   instance(3, "2g.10gb", {0, 2})});
  Step destroy =
      compute_step(StepKind::kDestroyComputeInstance, "3g.20gb", {4, 4}, Placement{0, 1});
  destroy.compute_instance = ComputeInstanceId{0};
  const Inventory after = after_steps(
      before,
      {destroy,
       compute_step(StepKind::kCreateComputeInstance, "1c.3g.20gb", {4, 4}, Placement{2, 1}),
       step_of(StepKind::kDestroyGpuInstance, "2g.10gb", {0, 2}),
       step_of(StepKind::kCreateGpuInstance, "1g.5gb", {0, 1}),
       compute_step(StepKind::kCreateComputeInstance, "1g.5gb", {0, 1}, {})});
  const Inventory wanted =
      machine_with({with_computes(instance(2, "3g.20gb", {4, 4}), {{"1c.3g.20gb", 2}}),
                    instance(9, "1g.5gb", {0, 1})});
  EXPECT_TRUE(layout_diff(plan_of_gpu(), after, wanted).empty());
  EXPECT_EQ(layout_diff(plan_of_gpu(), after, before).size(), 4U);
}

TEST(Expected, AResetOrAModeTakesTheInstances) {
  const Inventory before = machine_with({instance(3, "2g.10gb", {0, 2})});
  EXPECT_TRUE(
      after_steps(before, {step_of(StepKind::kResetGpu, "1g.5gb", {})}).gpus[0].instances.empty());
  const Inventory off = after_steps(before, {step_of(StepKind::kDisableMig, "1g.5gb", {})});
  EXPECT_TRUE(off.gpus[0].instances.empty());
  EXPECT_EQ(off.gpus[0].mig_current, MigMode::kDisabled);
  EXPECT_EQ(off.gpus[0].mig_pending, MigMode::kDisabled);
  EXPECT_EQ(
      after_steps(before, {step_of(StepKind::kEnableMig, "1g.5gb", {})}).gpus[0].instances.size(),
      1U);
}

TEST(Expected, OnlyWhatIsMissingIsMadeAgain) {
  const Inventory before = machine_with(
      {with_computes(instance(2, "3g.20gb", {4, 4}), {{"1c.3g.20gb", 0}, {"1c.3g.20gb", 1}}),
       instance(3, "2g.10gb", {0, 2})});
  const Inventory now =
      machine_with({with_computes(instance(5, "3g.20gb", {4, 4}), {{"1c.3g.20gb", 1}}),
                    instance(9, "1g.5gb", {3, 1})});
  const auto steps = steps_to_rebuild(plan_of_gpu(), before, now, false);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].kind, StepKind::kCreateComputeInstance);
  EXPECT_EQ(steps[0].ci_placement, (Placement{0, 1}));
  EXPECT_EQ(steps[1].str(), "create 2g.10gb on GPU 0 at 0:2");
  EXPECT_EQ(steps[2].kind, StepKind::kCreateComputeInstance);
}

TEST(Expected, AModeIsBroughtBackOnlyWhereAResetTakesIt) {
  Inventory before = machine_with({instance(3, "2g.10gb", {0, 2})});
  Inventory now = machine_with({});
  now.gpus[0].mig_current = now.gpus[0].mig_pending = MigMode::kDisabled;
  now.gpus[0].architecture = Architecture::kHopper;
  EXPECT_TRUE(steps_to_rebuild(plan_of_gpu(), before, now, false).empty());
  const auto steps = steps_to_rebuild(plan_of_gpu(), before, now, true);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].kind, StepKind::kEnableMig);
  now.gpus[0].architecture = Architecture::kAmpere;
  EXPECT_TRUE(steps_to_rebuild(plan_of_gpu(), before, now, true).empty())
      << "somebody switched it off";
}

TEST(Blame, ExtrasAreOursOnlyWhenAStepMadeThemAndDidNotTakeThemBack) {
  const Inventory before = machine_with({});
  const Inventory now =
      machine_with({instance(9, "1g.5gb", {0, 1}), instance(8, "1g.5gb", {1, 1})});
  StepReport ours{step_of(StepKind::kCreateGpuInstance, "1g.5gb", {0, 1}), true, false, 0};
  Blame blame = blame_for(layout_diff(plan_of_gpu(), before, now), {ours}, now);
  ASSERT_EQ(blame.left.size(), 1U);
  EXPECT_NE(blame.left[0].what.find("gi=9"), std::string::npos);
  ASSERT_EQ(blame.others.size(), 1U);
  EXPECT_NE(blame.others[0].find("gi=8"), std::string::npos);
  ours.undone = true;
  blame = blame_for(layout_diff(plan_of_gpu(), before, now), {ours}, now);
  EXPECT_TRUE(blame.left.empty()) << "taken back: what is there now is another one";
  ours.undone = false;
  ours.done = false;
  EXPECT_TRUE(blame_for(layout_diff(plan_of_gpu(), before, now), {ours}, now).left.empty());
}

TEST(Blame, AModeIsOursOnlyWhenAStepSetIt) {
  const Inventory before = machine_with({});
  Inventory now = before;
  now.gpus[0].mig_pending = MigMode::kDisabled;
  const auto diff = layout_diff(plan_of_gpu(), before, now);
  EXPECT_TRUE(blame_for(diff, {}, now).left.empty());
  const StepReport ours{step_of(StepKind::kDisableMig, "1g.5gb", {}), true, false, 0};
  EXPECT_EQ(blame_for(diff, {ours}, now).left.size(), 1U);
}

TEST(TakenBack, ByProfileAndPlaceNotByIdAlone) {
  device::LayoutReading now;
  now.current = now.pending = MigMode::kEnabled;
  now.instances = {instance(2, "3g.20gb", {4, 4})};
  const Gpu was = gpu_with({});
  Step made = step_of(StepKind::kCreateGpuInstance, "3g.20gb", {4, 4});
  made.gpu_instance = GpuInstanceId{2};
  EXPECT_FALSE(taken_back(now, was, made));
  made.gpu_placement = {0, 4};
  EXPECT_TRUE(taken_back(now, was, made)) << "the id is of another one by now";
  Step took = step_of(StepKind::kDestroyGpuInstance, "3g.20gb", {4, 4});
  took.gpu_instance = GpuInstanceId{1};
  EXPECT_TRUE(taken_back(now, was, took)) << "it is there again, whatever its id";
  took.gpu_placement = {0, 4};
  EXPECT_FALSE(taken_back(now, was, took));
}

}  // namespace
}  // namespace mig::apply
