// SPDX-License-Identifier: Apache-2.0
// Compute instances at given placements, as a checkpoint restores them.
#include "planner/compute.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/planner.h"

namespace mig::planner {
namespace {

using testing::add_instance;
using testing::add_process;
using testing::board;

ProfileName name(const char* text) {
  return ProfileName::parse(text).value();
}

using Places = std::vector<std::optional<Placement>>;

// A desired 3g.20gb at 4:4 with these compute instances.
DesiredLayout want(const std::vector<const char*>& compute, Places places) {
  DesiredInstance instance;
  instance.profile = name("3g.20gb");
  instance.placement = Placement{4, 4};
  for (const char* one : compute) {
    instance.compute_instances.push_back(name(one));
  }
  instance.compute_placements = std::move(places);
  return {"test", {{{0}, true, {instance}, {}}}, {}};
}

std::vector<std::string> steps_of(const Result<Plan>& plan) {
  if (!plan) {
    return {plan.error().text()};
  }
  std::vector<std::string> out;
  for (const Step& step : plan->steps) {
    out.push_back(step.str());
  }
  return out;
}

std::vector<std::string> steps(const Gpu& gpu, const DesiredLayout& desired) {
  return steps_of(plan(testing::inventory({gpu}), desired, {}));
}

TEST(GivenComputePlaces, AreUsedInTheirOrder) {
  EXPECT_EQ(steps(board("a100_sxm4_40gb"),
                  want({"1c.3g.20gb", "2c.3g.20gb"}, {Placement{2, 1}, Placement{0, 2}})),
            (std::vector<std::string>{
                "create 3g.20gb on GPU 0 at 4:4",
                "create compute instance 1c.3g.20gb (14 SMs) at 2:1 in 3g.20gb on GPU 0 at 4:4",
                "create compute instance 2c.3g.20gb (28 SMs) at 0:2 in 3g.20gb on GPU 0 at 4:4"}));
}

TEST(GivenComputePlaces, TheRestGoesAroundThem) {
  EXPECT_EQ(steps(board("a100_sxm4_40gb"),
                  want({"1c.3g.20gb", "1c.3g.20gb"}, {std::nullopt, Placement{0, 1}})),
            (std::vector<std::string>{
                "create 3g.20gb on GPU 0 at 4:4",
                "create compute instance 1c.3g.20gb (14 SMs) at 0:1 in 3g.20gb on GPU 0 at 4:4",
                "create compute instance 1c.3g.20gb (14 SMs) at 1:1 in 3g.20gb on GPU 0 at 4:4"}));
}

TEST(GivenComputePlaces, AnInstanceElsewhereIsNotTheOneWanted) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "3g.20gb", 4, {"1c.3g.20gb"});  // at 0:1
  EXPECT_EQ(steps(gpu, want({"1c.3g.20gb"}, {Placement{0, 1}})), std::vector<std::string>{});
  const auto moved = want({"1c.3g.20gb"}, {Placement{2, 1}});
  EXPECT_EQ(steps(gpu, moved),
            (std::vector<std::string>{
                "destroy compute instance 1c.3g.20gb ci=0 at 0:1 in 3g.20gb on GPU 0 gi=0 at 4:4",
                "create compute instance 1c.3g.20gb (14 SMs) at 2:1 in 3g.20gb on GPU 0 at 4:4"}));
  EXPECT_EQ(
      differences(testing::inventory({gpu}), moved),
      std::vector<std::string>{
          "GPU 0: compute instance 1c.3g.20gb wanted at 2 in 3g.20gb at slots 4-7, not there"});
  add_process(gpu, gpu.instances.front(), 7);
  EXPECT_EQ(plan(testing::inventory({gpu}), moved, {}).error().code, ErrorCode::kInUse);
}

TEST(GivenComputePlaces, OverlapsAndPlacesOutsideDoNotFit) {
  for (const Places& places : {Places{Placement{0, 2}, Placement{1, 1}},
                               Places{Placement{2, 2}, std::nullopt},
                               Places{Placement{40, 2}, std::nullopt}}) {
    const auto result = plan(testing::inventory({board("a100_sxm4_40gb")}),
                             want({"2c.3g.20gb", "1c.3g.20gb"}, places),
                             {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNoCapacity) << result.error().text();
  }
}

// A driver that reports compute placements only for existing instances.
Gpu board_without_compute_places() {
  Gpu gpu = board("a100_sxm4_40gb");
  for (GpuInstanceProfile& profile : gpu.profiles) {
    profile.compute_profiles_derived = true;
    for (ComputeInstanceProfile& compute : profile.compute_profiles) {
      compute.placements.clear();
    }
  }
  return gpu;
}

TEST(GivenComputePlaces, AreHandedOnWhenTheDriverTellsNone) {
  const Gpu gpu = board_without_compute_places();
  EXPECT_EQ(steps(gpu, want({"1c.3g.20gb"}, {Placement{2, 1}})).back(),
            "create compute instance 1c.3g.20gb (14 SMs) at 2:1 in 3g.20gb on GPU 0 at 4:4");
}

// A busy compute instance is kept even if two idle ones must be destroyed instead.
TEST(ComputePlaces, ABusyOneStaysEvenWhereMoreIdleOnesGo) {
  Gpu gpu = board("a100_sxm4_40gb");
  GpuInstance& instance =
      add_instance(gpu, "4g.20gb", 0, {"1c.4g.20gb", "1c.4g.20gb", "1c.4g.20gb", "1c.4g.20gb"});
  instance.compute_instances.erase(instance.compute_instances.begin());  // 1, 2 and 3 are left
  add_process(gpu, instance, 7);
  gpu.processes[0].compute_instance = instance.compute_instances[0].id;
  const GpuInstanceProfile* profile = gpu.find_profile(name("4g.20gb"));
  ASSERT_NE(profile, nullptr);
  const auto change =
      compute_change(gpu,
                     *profile,
                     {{name("2c.4g.20gb"), {}}, {name("1c.4g.20gb"), {}}, {name("1c.4g.20gb"), {}}},
                     &instance);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->busy_destroyed, 0U);
  EXPECT_EQ(change->destroyed.size(), 2U);
}

// Of two equal compute instances the busy one is kept, whichever was created first.
TEST(ComputeWithoutPlaces, WhatRunsStays) {
  for (const std::uint32_t busy : {0U, 1U}) {
    Gpu gpu = board_without_compute_places();
    GpuInstance& instance = add_instance(gpu, "3g.20gb", 4, {"-"});
    for (const std::uint32_t id : {0U, 1U}) {
      ComputeInstance compute;
      compute.id = ComputeInstanceId{id};
      compute.name = name("1c.3g.20gb");
      instance.compute_instances.push_back(compute);
    }
    add_process(gpu, instance, 7);
    gpu.processes[0].compute_instance = ComputeInstanceId{busy};
    const std::vector<std::string> found = steps(gpu, want({"1c.3g.20gb"}, {}));
    ASSERT_EQ(found.size(), 1U) << found[0];
    EXPECT_EQ(found[0].find("destroy compute instance 1c.3g.20gb ci=" + std::to_string(1 - busy)),
              0U)
        << found[0];
  }
}

}  // namespace
}  // namespace mig::planner
