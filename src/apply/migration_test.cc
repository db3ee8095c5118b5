// SPDX-License-Identifier: Apache-2.0
#include "apply/migration.h"

#include <gtest/gtest.h>

#include "planner/planner.h"

namespace mig::apply {
namespace {

GpuInstanceProfile profile(const char* name,
                           std::uint32_t id,
                           std::uint32_t slices,
                           std::vector<Placement> placements) {
  GpuInstanceProfile out;
  out.name = *ProfileName::parse(name);
  out.id = ProfileId{id};
  out.slices = slices;
  out.max_count = static_cast<std::uint32_t>(placements.size());
  out.placements = std::move(placements);
  ComputeInstanceProfile compute;
  compute.name = out.name;
  compute.slices = slices;
  compute.max_count = 1;
  out.compute_profiles = {compute};
  return out;
}

// An A100 reduced to what these tests need.
Gpu board(std::uint32_t index) {
  Gpu gpu;
  gpu.index = GpuIndex{index};
  gpu.uuid = "GPU-" + std::to_string(index);
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  gpu.memory_slices = 8;
  gpu.compute_slices = 7;
  gpu.profiles = {
      profile("1g.5gb", 19, 1, {{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}}),
      profile("3g.20gb", 9, 3, {{0, 4}, {4, 4}}),
      profile("4g.20gb", 5, 4, {{0, 4}}),
      profile("7g.40gb", 0, 7, {{0, 8}})};
  return gpu;
}

void add(Gpu& gpu, const char* name, Placement place, std::uint32_t id, std::uint32_t pid) {
  GpuInstance instance;
  instance.id = GpuInstanceId{id};
  instance.name = *ProfileName::parse(name);
  instance.profile_id = gpu.find_profile(instance.name)->id;
  instance.placement = place;
  ComputeInstance compute;
  compute.name = instance.name;
  compute.uuid = "MIG-" + std::to_string(id);
  instance.compute_instances = {compute};
  gpu.instances.push_back(instance);
  if (pid == 0)
    return;
  Process process;
  process.pid = pid;
  process.gpu_instance = instance.id;
  gpu.processes.push_back(process);
}

DesiredLayout wish(std::uint32_t gpus, const std::vector<const char*>& profiles) {
  DesiredLayout out;
  for (std::uint32_t i = 0; i < gpus; ++i) {
    DesiredGpu gpu;
    gpu.gpu = GpuIndex{i};
    gpu.mig_enabled = true;
    for (const char* text : profiles) {
      DesiredInstance instance;
      instance.profile = *ProfileName::parse(text);
      instance.compute_instances = {instance.profile};
      gpu.instances.push_back(instance);
    }
    out.gpus.push_back(gpu);
  }
  return out;
}

Result<Migration> migrate(const Inventory& now, const DesiredLayout& desired) {
  EXPECT_FALSE(planner::plan(now, desired, {})) << "it has to be impossible around what runs";
  planner::Policy policy;
  policy.keep_busy = false;
  const auto blocked = planner::plan(now, desired, policy);
  if (!blocked)
    return blocked.error();
  return plan_migration(now, desired, *blocked);
}

TEST(Migration, TheSuccessorLiesWhereTheLayoutLeavesItsPlace) {
  Inventory now;
  now.gpus = {board(0)};
  add(now.gpus[0], "1g.5gb", {0, 1}, 7, 41);
  const auto migration = migrate(now, wish(1, {"4g.20gb", "1g.5gb"}));
  ASSERT_TRUE(migration) << migration.error().text();
  ASSERT_EQ(migration->moves.size(), 1U);
  EXPECT_EQ(migration->moves[0].from.id, GpuInstanceId{7});
  EXPECT_GE(migration->moves[0].to.start, 4U);
  ASSERT_EQ(migration->beside.gpus.size(), 1U);
  EXPECT_EQ(migration->beside.gpus[0].instances.size(), 2U) << "the old one stays meanwhile";
}

TEST(Migration, AnIdleInstanceGoesForASuccessorAndABusyOneNever) {
  Inventory now;
  now.gpus = {board(0)};
  add(now.gpus[0], "1g.5gb", {0, 1}, 7, 41);
  add(now.gpus[0], "3g.20gb", {4, 4}, 2, 0);
  const auto migration = migrate(now, wish(1, {"4g.20gb", "1g.5gb"}));
  ASSERT_TRUE(migration) << migration.error().text();
  EXPECT_EQ(migration->beside.gpus[0].instances.size(), 2U) << "3g.20gb makes room";
  Process work;
  work.pid = 42;
  work.gpu_instance = GpuInstanceId{2};
  now.gpus[0].processes.push_back(work);
  const auto full = migrate(now, wish(1, {"4g.20gb", "1g.5gb"}));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoCapacity);
}

TEST(Migration, AnotherGpuOfTheLayoutWillDo) {
  Inventory now;
  now.gpus = {board(0), board(1)};
  add(now.gpus[0], "1g.5gb", {0, 1}, 7, 41);
  DesiredLayout desired = wish(2, {"7g.40gb"});
  desired.gpus[1].instances[0].profile = *ProfileName::parse("1g.5gb");
  desired.gpus[1].instances[0].compute_instances = {*ProfileName::parse("1g.5gb")};
  const auto migration = migrate(now, desired);
  ASSERT_TRUE(migration) << migration.error().text();
  EXPECT_EQ(migration->moves[0].from_gpu, GpuIndex{0});
  EXPECT_EQ(migration->moves[0].to_gpu, GpuIndex{1});
}

TEST(Migration, ALayoutWithoutSuchAnInstanceHasNowhereToMoveTo) {
  Inventory now;
  now.gpus = {board(0)};
  add(now.gpus[0], "1g.5gb", {0, 1}, 7, 41);
  const auto migration = migrate(now, wish(1, {"7g.40gb"}));
  ASSERT_FALSE(migration);
  EXPECT_EQ(migration.error().code, ErrorCode::kNoCapacity);
  EXPECT_NE(migration.error().message.find("1g.5gb gi=7 on GPU 0"), std::string::npos);
}

}  // namespace
}  // namespace mig::apply
