// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "planner/test_plans.h"

namespace mig::planner {
namespace {

using in_words::expect_refused;
using in_words::name;
using in_words::plan_for;
using in_words::steps_of;
using in_words::want;
using testing::add_instance;
using testing::add_process;
using testing::board;

TEST(Plan, EmptyGpuGetsTheLargestFirst) {
  EXPECT_EQ(steps_of(plan_for(board("a100_sxm4_40gb"), want({"2g.10gb", "3g.20gb"}))),
            (std::vector<std::string>{
                "create 3g.20gb on GPU 0 at 4:4",
                "create compute instance 3g.20gb (42 SMs) at 0:3 in 3g.20gb on GPU 0 at 4:4",
                "create 2g.10gb on GPU 0 at 0:2",
                "create compute instance 2g.10gb (28 SMs) at 0:2 in 2g.10gb on GPU 0 at 0:2",
            }));
}

TEST(Plan, KeepsWhatIsThereAndCreatesBeforeItDestroys) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 0);
  add_instance(gpu, "1g.5gb", 4);
  const auto plan = plan_for(gpu, want({"3g.20gb", "2g.10gb"}));
  EXPECT_EQ(steps_of(plan),
            (std::vector<std::string>{
                "destroy compute instance 1g.5gb ci=0 at 0:1 in 1g.5gb on GPU 0 gi=1 at 4:1",
                "destroy 1g.5gb on GPU 0 gi=1 at 4:1",
                "create 2g.10gb on GPU 0 at 4:2",
                "create compute instance 2g.10gb (28 SMs) at 0:2 in 2g.10gb on GPU 0 at 4:2",
            }));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->gpus[0].kept.size(), 1U);

  gpu.instances.pop_back();
  add_instance(gpu, "1g.5gb", 6);
  const auto swap = plan_for(gpu, want({"3g.20gb", "2g.10gb"}));
  ASSERT_TRUE(swap);
  EXPECT_EQ(swap->steps[0].kind, StepKind::kCreateGpuInstance) << "slots 4-5 are free already";
  EXPECT_EQ(swap->steps.back().kind, StepKind::kDestroyGpuInstance);
}

TEST(Plan, TheSuccessorIsMadeBesideTheOldOneWherePlacesAllowIt) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "1g.5gb", 0);
  EXPECT_EQ(steps_of(plan_for(gpu, want({"2g.10gb"}))),
            (std::vector<std::string>{
                "create 2g.10gb on GPU 0 at 4:2",
                "create compute instance 2g.10gb (28 SMs) at 0:2 in 2g.10gb on GPU 0 at 4:2",
                "destroy compute instance 1g.5gb ci=0 at 0:1 in 1g.5gb on GPU 0 gi=0 at 0:1",
                "destroy 1g.5gb on GPU 0 gi=0 at 0:1",
            }));
}

TEST(Plan, WhatHasAFreePlaceIsMadeBeforeRoomIsMadeForTheRest) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "2g.10gb", 0);
  add_instance(gpu, "1g.5gb", 4);
  EXPECT_EQ(steps_of(plan_for(gpu, want({"4g.20gb", "1g.5gb", "1g.5gb"}))),
            (std::vector<std::string>{
                "create 1g.5gb on GPU 0 at 5:1",
                "create compute instance 1g.5gb (14 SMs) at 0:1 in 1g.5gb on GPU 0 at 5:1",
                "destroy compute instance 2g.10gb ci=0 at 0:2 in 2g.10gb on GPU 0 gi=0 at 0:2",
                "destroy 2g.10gb on GPU 0 gi=0 at 0:2",
                "create 4g.20gb on GPU 0 at 0:4",
                "create compute instance 4g.20gb (56 SMs) at 0:4 in 4g.20gb on GPU 0 at 0:4",
            }));
}

// No slot is shared, but the driver allows one +me instance: only that one is destroyed first.
TEST(Plan, OnlyWhatACountForbidsGoesBefore) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "1g.5gb", 5);
  add_instance(gpu, "1g.5gb+me", 0);
  DesiredLayout desired = want({"1g.5gb+me"});
  desired.gpus[0].instances[0].placement = Placement{3, 1};
  const auto plan = plan_for(gpu, desired);
  ASSERT_TRUE(plan);
  std::vector<std::string> instances;
  for (const Step& step : plan->steps) {
    if (step.kind == StepKind::kCreateGpuInstance || step.kind == StepKind::kDestroyGpuInstance) {
      instances.push_back(step.str());
    }
  }
  EXPECT_EQ(instances,
            (std::vector<std::string>{"destroy 1g.5gb+me on GPU 0 gi=1 at 0:1",
                                      "create 1g.5gb+me on GPU 0 at 3:1",
                                      "destroy 1g.5gb on GPU 0 gi=0 at 5:1"}));
}

TEST(Plan, ComputeInstancesChangeInsideAKeptGpuInstance) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_process(gpu, add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb", "1c.3g.20gb"}), 4121);
  gpu.processes[0].compute_instance = ComputeInstanceId{1};
  DesiredLayout desired = want({"3g.20gb"});
  desired.gpus[0].instances[0].compute_instances = {name("1c.3g.20gb"), name("2c.3g.20gb")};
  const auto plan = plan_for(gpu, desired);
  ASSERT_FALSE(plan) << "2c can only be at 0:2, on top of the busy one at 1";
  EXPECT_EQ(plan.error().code, ErrorCode::kInUse);

  gpu.processes[0].compute_instance = ComputeInstanceId{0};
  desired.gpus[0].instances[0].compute_instances = {
      name("1c.3g.20gb"), name("1c.3g.20gb"), name("1c.3g.20gb")};
  const auto more = plan_for(gpu, desired);
  EXPECT_EQ(steps_of(more),
            std::vector<std::string>{
                "create compute instance 1c.3g.20gb (14 SMs) at 2:1 in 3g.20gb on GPU 0 at 4:4"});
  EXPECT_TRUE(more->gpus[0].changes());
  EXPECT_TRUE(more->gpus[0].created.empty());
}

// Make before break: instances with a free placement are created before any is destroyed, inside
// kept GPU instances too.
TEST(Plan, WhatFitsIsMadeBeforeComputeInstancesGo) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb"});
  EXPECT_EQ(steps_of(plan_for(gpu, want({"3g.20gb", "4g.20gb"}))),
            (std::vector<std::string>{
                "create 4g.20gb on GPU 0 at 0:4",
                "create compute instance 4g.20gb (56 SMs) at 0:4 in 4g.20gb on GPU 0 at 0:4",
                "destroy compute instance 1c.3g.20gb ci=0 at 0:1 in 3g.20gb on GPU 0 gi=0 at 4:4",
                "create compute instance 3g.20gb (42 SMs) at 0:3 in 3g.20gb on GPU 0 at 4:4",
            }));
}

TEST(Plan, DerivedComputeProfilesLeaveThePlaceToTheDriver) {
  Gpu gpu = board("a100_sxm4_40gb");
  for (GpuInstanceProfile& profile : gpu.profiles) {
    profile.compute_profiles_derived = true;
  }
  const auto plan = plan_for(gpu, want({"3g.20gb"}));
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->steps[1].ci_placement);
}

TEST(Plan, TooManyOfOneProfile) {
  expect_refused(board("a100_sxm4_40gb"),
                 want({"3g.20gb", "3g.20gb", "3g.20gb"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 3 x 3g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB): 3g.20gb has 2 legal "
                 "placements (0-3, 4-7); at most 2 fit",
                 "of these, 2 x 3g.20gb would fit");
  expect_refused(board("a100_sxm4_40gb"),
                 want({"1g.5gb+me", "1g.5gb+me"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 2 x 1g.5gb+me on GPU 0 (NVIDIA A100-SXM4-40GB): of 1g.5gb+me the "
                 "driver allows at most 1 on this GPU",
                 "of these, 1g.5gb+me would fit");
}

TEST(Plan, TooManySlots) {
  expect_refused(board("a100_sxm4_40gb"),
                 want({"3g.20gb", "3g.20gb", "1g.5gb"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 1g.5gb + 2 x 3g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB): 1g.5gb + 2 x "
                 "3g.20gb need 9 memory slots and the GPU has 8",
                 "of these, 2 x 3g.20gb would fit");
}

TEST(Plan, PlacesThatAlwaysOverlap) {
  expect_refused(board("a100_sxm4_40gb"),
                 want({"4g.20gb", "2g.10gb", "2g.10gb"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 2 x 2g.10gb + 4g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB): 2 x 2g.10gb "
                 "+ 4g.20gb need 8 compute slices and the GPU has 7",
                 "of these, 2g.10gb + 4g.20gb would fit");
  expect_refused(board("a100_sxm4_40gb"),
                 want({"1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb", "4g.20gb"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 4 x 1g.5gb + 4g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB): 4 x 1g.5gb + "
                 "4g.20gb need 8 compute slices and the GPU has 7",
                 "of these, 3 x 1g.5gb + 4g.20gb would fit");
  expect_refused(board("a100_sxm4_40gb"),
                 want({"1g.10gb", "2g.10gb", "2g.10gb", "2g.10gb", "1g.5gb"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 1g.5gb + 1g.10gb + 3 x 2g.10gb on GPU 0 (NVIDIA A100-SXM4-40GB): "
                 "1g.5gb + 1g.10gb + 3 x 2g.10gb need 9 memory slots and the GPU has 8",
                 "of these, 1g.10gb + 3 x 2g.10gb would fit");
  DesiredLayout fixed = want({"1g.5gb", "3g.20gb"});
  fixed.gpus[0].instances[0].placement = Placement{1, 1};
  fixed.gpus[0].instances[1].placement = Placement{0, 4};
  expect_refused(board("a100_sxm4_40gb"),
                 fixed,
                 ErrorCode::kNoCapacity,
                 "cannot place 1g.5gb at slot 1 + 3g.20gb at slots 0-3 on GPU 0 (NVIDIA "
                 "A100-SXM4-40GB): 1g.5gb at slot 1 and 3g.20gb at slots 0-3 overlap",
                 "at other places it would fit: 1g.5gb at slot 0 + 3g.20gb at slots 4-7");
  Gpu taken = board("a100_sxm4_40gb");
  add_instance(taken, "1g.5gb", 5);
  DesiredLayout beside = want({"1g.5gb", "3g.20gb", "3g.20gb"});
  beside.gpus[0].instances[0].placement = Placement{5, 1};
  expect_refused(taken,
                 beside,
                 ErrorCode::kNoCapacity,
                 "cannot place 2 x 3g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB) beside what stays "
                 "there: 1g.5gb + 2 x 3g.20gb need 9 memory slots and the GPU has 8",
                 "beside what stays, 3g.20gb would fit");
  beside.gpus[0].instances.pop_back();
  beside.gpus[0].instances[1].placement = Placement{4, 4};
  expect_refused(taken,
                 beside,
                 ErrorCode::kNoCapacity,
                 "cannot place 3g.20gb at slots 4-7 on GPU 0 (NVIDIA A100-SXM4-40GB) beside what "
                 "stays there: 1g.5gb gi=0 at slot 5 and 3g.20gb at slots 4-7 overlap",
                 "at other places it would fit: 3g.20gb at slots 0-3");
}

TEST(Plan, MediaExtensions) {
  expect_refused(board("rtx_pro_6000_server"),
                 want({"1g.24gb+me", "1g.24gb+me.all"}),
                 ErrorCode::kNoCapacity,
                 "cannot place 1g.24gb+me + 1g.24gb+me.all on GPU 0 (NVIDIA RTX PRO 6000 Blackwell "
                 "Server Edition): 1g.24gb+me + 1g.24gb+me.all: only one instance of a GPU can "
                 "have the media extension (+me)",
                 "of these, 1g.24gb+me would fit");
  const auto all = plan_for(board("rtx_pro_6000_server"), want({"1g.24gb", "1g.24gb+me.all"}));
  ASSERT_FALSE(all);
  EXPECT_NE(all.error().message.find("has all media engines of the GPU"), std::string::npos);
}

TEST(Plan, BusyInTheWayIsNamed) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_process(gpu, add_instance(gpu, "2g.10gb", 0), 4121);
  add_process(gpu, add_instance(gpu, "1g.5gb", 6), 77, "");
  expect_refused(
      gpu,
      want({"3g.20gb", "3g.20gb"}),
      ErrorCode::kInUse,
      "cannot place 2 x 3g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB) around what runs there: "
      "it fits an empty GPU, but 2g.10gb gi=0 (pid 4121 python) holds slots 0-1; 1g.5gb "
      "gi=1 (pid 77) holds slot 6 and the layout has no 2g.10gb, 1g.5gb",
      "with what runs kept, 1g.5gb + 2g.10gb fit; or wait for it to end, or stop it");
  expect_refused(gpu,
                 want({"4g.20gb", "2g.10gb", "1g.5gb"}),
                 ErrorCode::kInUse,
                 "cannot place 1g.5gb + 2g.10gb + 4g.20gb on GPU 0 (NVIDIA A100-SXM4-40GB) around "
                 "what runs there: it fits an empty GPU, but 2g.10gb gi=0 (pid 4121 python) holds "
                 "slots 0-1",
                 "with what runs kept, 1g.5gb + 2g.10gb fit; or wait for it to end, or stop it");
}

TEST(Plan, WithoutPinsTheBusyAreBlockersAndAsFewAsPossible) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_process(gpu, add_instance(gpu, "2g.10gb", 0), 4121);
  add_process(gpu, add_instance(gpu, "3g.20gb", 4), 4122);
  Policy policy;
  policy.keep_busy = false;
  const auto plan = plan_for(gpu, want({"4g.20gb", "3g.20gb"}), policy);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_TRUE(plan->blocked());
  ASSERT_EQ(plan->gpus[0].blockers.size(), 1U);
  EXPECT_EQ(plan->gpus[0].blockers[0].what, "pid 4121 (python) runs on 2g.10gb gi=0 on GPU 0");
}

// The GPU instance is kept, and a busy compute instance in it is a blocker all the same.
TEST(Plan, WithoutPinsABusyComputeInstanceThatGoesIsABlocker) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_process(gpu, add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb"}), 4121);
  Policy policy;
  policy.keep_busy = false;
  DesiredLayout desired = want({"3g.20gb"});
  desired.gpus[0].instances[0].placement = Placement{4, 4};
  const auto plan = plan_for(gpu, desired, policy);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->steps.at(0).kind, StepKind::kDestroyComputeInstance);
  EXPECT_EQ(plan->gpus[0].kept.size(), 1U);
  ASSERT_EQ(plan->gpus[0].blockers.size(), 1U);
  EXPECT_EQ(plan->gpus[0].blockers[0].what, "pid 4121 (python) runs on 3g.20gb gi=0 on GPU 0");
  EXPECT_EQ(plan->gpus[0].blockers[0].stops, Blocker::Stops::kDestroy);
}

// An H100's 1g.20gb can be filled with 16 or with 26 SMs, under one driver name.
TEST(Plan, AComputeInstanceOfFewerSmsIsNotTheWhole) {
  Gpu gpu = board("h100_sxm5_80gb");
  add_instance(gpu, "1g.20gb", 0, {"1g.20gb@16sm"});
  const auto whole = want({"1g.20gb"});
  EXPECT_EQ(differences(testing::inventory({gpu}), whole),
            (std::vector<std::string>{"GPU 0: 1 x 1g.20gb wanted, 0 there",
                                      "GPU 0: 0 x 1g.20gb holding 1g.20gb@16sm wanted, 1 there"}));
  const auto plan = plan_for(gpu, whole);
  EXPECT_EQ(steps_of(plan),
            (std::vector<std::string>{
                "destroy compute instance 1g.20gb@16sm ci=0 at 0:1 in 1g.20gb on GPU 0 gi=0 at 0:2",
                "create compute instance 1g.20gb (26 SMs) at 0:2 in 1g.20gb on GPU 0 at 0:2"}));
  EXPECT_EQ(plan->gpus.at(0).kept.at(0).computes,
            (std::vector<CellCompute>{{*ProfileName::parse("1g.20gb"), 26}}));
  DesiredLayout same = want({"1g.20gb"});
  same.gpus[0].instances[0].compute_instances = {*ProfileName::parse("1g.20gb@ci0")};
  EXPECT_TRUE(differences(testing::inventory({gpu}), same).empty()) << "however the user names it";
  EXPECT_TRUE(plan_for(gpu, same)->empty());
}

// The same on a driver that reports no compute placements.
TEST(Plan, AComputeInstanceOfFewerSmsIsNotTheWholeWithoutPlacesEither) {
  Gpu gpu = board("h100_sxm5_80gb");
  add_instance(gpu, "1g.20gb", 0, {"1g.20gb@16sm"});
  gpu.instances[0].compute_instances[0].placement.reset();
  for (GpuInstanceProfile& profile : gpu.profiles) {
    for (ComputeInstanceProfile& compute : profile.compute_profiles) {
      compute.placements.clear();
    }
  }
  EXPECT_EQ(steps_of(plan_for(gpu, want({"1g.20gb"}))),
            (std::vector<std::string>{
                "destroy compute instance 1g.20gb@16sm ci=0 in 1g.20gb on GPU 0 gi=0 at 0:2",
                "create compute instance 1g.20gb (26 SMs) in 1g.20gb on GPU 0 at 0:2"}));
}

// The attribute belongs to the GPU instance: profiles with and without it are distinct everywhere.
TEST(Plan, MediaExtensionsAreKeptApart) {
  Gpu gpu = board("h100_sxm5_80gb");
  add_instance(gpu, "1g.10gb+me", 0);
  EXPECT_TRUE(plan_for(gpu, want({"1g.10gb+me"}))->empty());
  EXPECT_TRUE(differences(testing::inventory({gpu}), want({"1g.10gb+me"})).empty());
  EXPECT_FALSE(differences(testing::inventory({gpu}), want({"1g.10gb"})).empty());
}

TEST(Plan, RefusesWhatItCannotKnowOrDo) {
  Gpu none = board("a100_sxm4_40gb");
  none.mig_current = none.mig_pending = MigMode::kUnsupported;
  EXPECT_EQ(plan_for(none, want({})).error().code, ErrorCode::kNotSupported);
  EXPECT_EQ(plan_for(none, want({})).error().hint, "leave it out of the layout");
  none.display.pci_class = 0x0300;
  EXPECT_NE(plan_for(none, want({})).error().hint.find("display outputs are on"),
            std::string::npos);
  EXPECT_TRUE(plan_for(none, want({}, false))->empty());
  Gpu hidden = board("a100_sxm4_40gb");
  hidden.instances_complete = false;
  EXPECT_EQ(plan_for(hidden, want({})).error().code, ErrorCode::kPermission);
  EXPECT_EQ(plan_for(board("a100_sxm4_40gb", 3), want({})).error().code, ErrorCode::kNotFound);
  expect_refused(board("a30_24gb"),
                 want({"1g.5gb"}),
                 ErrorCode::kNotSupported,
                 "GPU 0 (NVIDIA A30) has no profile 1g.5gb",
                 "nearest: 1g.6gb, 2g.12gb, 4g.24gb; it has 1g.6gb, 1g.6gb+me, 2g.12gb, "
                 "2g.12gb+me, 4g.24gb");
  DesiredLayout inside = want({"3g.20gb"});
  inside.gpus[0].instances[0].compute_instances = {name("2c.3g.20gb"), name("2c.3g.20gb")};
  expect_refused(board("a100_sxm4_40gb"),
                 inside,
                 ErrorCode::kNoCapacity,
                 "2c.3g.20gb + 2c.3g.20gb do not fit together inside one 3g.20gb on GPU 0 (NVIDIA "
                 "A100-SXM4-40GB)",
                 "it has 3 compute slices");
  DesiredLayout placed = want({"3g.20gb"});
  placed.gpus[0].instances[0].placement = Placement{2, 4};
  expect_refused(board("a100_sxm4_40gb"),
                 placed,
                 ErrorCode::kNoCapacity,
                 "3g.20gb cannot be at slots 2-5 on GPU 0 (NVIDIA A100-SXM4-40GB)",
                 "it can be at 0-3, 4-7");
}

TEST(Plan, HundredsWantedAreRefusedAtOnce) {
  const auto plan =
      plan_for(board("a100_sxm4_40gb"), want(std::vector<const char*>(1000, "1g.5gb")));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message,
            "cannot place 1000 x 1g.5gb on GPU 0 (NVIDIA A100-SXM4-40GB): 1g.5gb has 7 legal "
            "placements (0, 1, 2, 3, 4, 5, 6); at most 7 fit");
  EXPECT_EQ(plan.error().hint, "of these, 7 x 1g.5gb would fit");
}

// Counts that no driver allows must not use up the hint's search budget.
TEST(Plan, ThousandsOfOneKindLeaveTheHintItsSearches) {
  std::vector<const char*> profiles(3000, "1g.5gb");
  profiles.push_back("1g.10gb");
  const auto plan = plan_for(board("a100_sxm4_40gb"), want(profiles));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().hint, "of these, 6 x 1g.5gb + 1g.10gb would fit");
}

TEST(Plan, CarriesLabelGenerationWarningsAndCost) {
  DesiredLayout desired = want({"7g.40gb"});
  desired.warnings = {"careful"};
  const Inventory inventory = testing::inventory({board("a100_sxm4_40gb")});
  const auto result = plan(inventory, desired, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->label, "test");
  EXPECT_EQ(result->generation, inventory.generation);
  EXPECT_EQ(result->warnings, desired.warnings);
  EXPECT_EQ(result->estimated_ms, 215U) << "what is published for an A100: 115 and 100 ms";
  EXPECT_EQ(result->gpus[0].after.cells.size(), 1U);
}

TEST(Plan, GoesStaleOnlyByItsOwnGpus) {
  Gpu first = board("a100_sxm4_40gb");
  Gpu second = first;
  second.index = {1};
  second.uuid = "GPU-second";
  const Inventory before = testing::inventory({first, second});
  DesiredLayout desired = want({"7g.40gb"});
  const Plan made = plan(before, desired, {}).value();
  add_instance(second, "1g.5gb", 0);
  const Inventory elsewhere = testing::inventory({first, second});
  EXPECT_EQ(made.generation, plan_generation(elsewhere, made));
  add_instance(first, "1g.5gb", 0);
  const Inventory here = testing::inventory({first, second});
  EXPECT_NE(made.generation, plan_generation(here, made));
  EXPECT_NE(made.generation, plan_generation(testing::inventory({second}), made));
  // Spare room may be kept on any GPU.
  desired.spare = {{name("1g.5gb"), 1}};
  desired.gpus[0].instances.clear();
  const Plan roomy = plan(before, desired, {}).value();
  EXPECT_NE(roomy.generation, plan_generation(elsewhere, roomy));
}

TEST(Differences, SayWhatIsMissingAndWhatIsTooMuch) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb", "1c.3g.20gb"});
  add_instance(gpu, "1g.5gb", 0, {"-"});
  const auto found = differences(testing::inventory({gpu}), want({"3g.20gb", "1g.5gb"}));
  EXPECT_EQ(found,
            (std::vector<std::string>{
                "GPU 0: 0 x 1g.5gb without compute instance wanted, 1 there",
                "GPU 0: 1 x 1g.5gb wanted, 0 there",
                "GPU 0: 0 x 3g.20gb holding 2 x 1c.3g.20gb wanted, 1 there",
                "GPU 0: 1 x 3g.20gb wanted, 0 there",
            }));
  EXPECT_EQ(differences(testing::inventory({gpu}), want({}, false)),
            std::vector<std::string>{"GPU 0: MIG is enabled, wanted disabled"});
}

TEST(Differences, AnInstanceAtAnotherPlaceIsNotTheOneWanted) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4);
  DesiredLayout desired = want({"3g.20gb"});
  desired.gpus[0].instances[0].placement = Placement{0, 4};
  EXPECT_EQ(differences(testing::inventory({gpu}), desired),
            std::vector<std::string>{"GPU 0: 3g.20gb wanted at slots 0-3, not there"});
  desired.gpus[0].instances[0].placement = Placement{4, 4};
  EXPECT_TRUE(differences(testing::inventory({gpu}), desired).empty());
}

}  // namespace
}  // namespace mig::planner
