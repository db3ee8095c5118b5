// SPDX-License-Identifier: Apache-2.0
#include "model/instance.h"

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"

namespace mig {
namespace {

ProfileName named(const char* text) {
  return ProfileName::parse(text).value();
}

// An A100 with a 3g.20gb and a 2g.10gb, with UUIDs and SMs.
Inventory machine() {
  Gpu gpu = testing::board("a100_sxm4_40gb");
  testing::add_instance(gpu, "3g.20gb", 4);
  testing::add_instance(gpu, "2g.10gb", 0);
  for (GpuInstance& instance : gpu.instances) {
    const GpuInstanceProfile* profile = gpu.find_profile(instance.name);
    instance.memory_mib = profile->memory_mib;
    instance.sm = profile->sm;
    for (ComputeInstance& compute : instance.compute_instances) {
      compute.uuid = "MIG-" + instance.name.str();
      compute.sm = profile->sm;
    }
  }
  return testing::inventory({gpu});
}

TEST(Instance, OnlyWhatAProgramCanBePointedAtIsOne) {
  Inventory inventory = machine();
  ASSERT_EQ(instances_of(inventory).size(), 2U);
  EXPECT_EQ(instances_of(inventory)[0].str(), "3g.20gb on GPU 0 gi=0 ci=0");
  inventory.gpus[0].instances[0].compute_instances[0].uuid.clear();
  ASSERT_EQ(instances_of(inventory).size(), 1U);
  inventory.gpus[0].mig_current = MigMode::kDisabled;
  EXPECT_TRUE(instances_of(inventory).empty());
}

TEST(Instance, SmsThatTheDriverDoesNotTellAreThoseOfTheGpuInstanceThatItFills) {
  Inventory inventory = machine();
  ComputeInstance& compute = inventory.gpus[0].instances[0].compute_instances[0];
  compute.sm.reset();
  EXPECT_EQ(instances_of(inventory)[0].sm, 42U);
  compute.name = named("1c.3g.20gb");
  EXPECT_EQ(instances_of(inventory)[0].sm, std::nullopt);
  Need some;
  some.min_sm = 1;
  EXPECT_FALSE(serves(instances_of(inventory)[0], some));
}

TEST(Need, EveryCriterionMustHold) {
  const Instance three = instances_of(machine())[0];
  Need need;
  EXPECT_TRUE(serves(three, need));
  need.profile = named("3g.20gb");
  need.min_memory_mib = three.memory_mib;
  need.min_sm = three.sm;
  need.uuid = three.uuid;
  need.gpu_uuid = three.gpu_uuid;
  need.gpu_instance = three.gpu_instance;
  need.compute_instance = three.compute_instance;
  EXPECT_TRUE(serves(three, need));
  const auto refused = [&](auto change) {
    Need other = need;
    change(other);
    return !serves(three, other);
  };
  EXPECT_TRUE(refused([](Need& n) { n.profile = named("2g.10gb"); }));
  EXPECT_TRUE(refused([](Need& n) { ++*n.min_memory_mib; }));
  EXPECT_TRUE(refused([](Need& n) { ++*n.min_sm; }));
  EXPECT_TRUE(refused([](Need& n) { n.uuid = "MIG-other"; }));
  EXPECT_TRUE(refused([](Need& n) { n.gpu_uuid = "GPU-other"; }));
  EXPECT_TRUE(refused([](Need& n) { n.gpu_instance = GpuInstanceId{9}; }));
  EXPECT_TRUE(refused([](Need& n) { n.compute_instance = ComputeInstanceId{9}; }));
}

TEST(Need, TheIndexOfAGpuDecidesOnlyWhereItsUuidIsNotKnown) {
  const Instance three = instances_of(machine())[0];
  Need need;
  need.gpu = GpuIndex{1};
  EXPECT_FALSE(serves(three, need));
  need.gpu_uuid = three.gpu_uuid;  // indices may have changed since
  EXPECT_TRUE(serves(three, need));
}

TEST(Need, ItsTextReadsBackAsTheSameNeed) {
  Need need;
  need.profile = named("1c.3g.20gb@26sm");
  need.min_memory_mib = 12288;
  need.min_sm = 14;
  need.uuid = "MIG-1";
  need.slot = "train-a";
  need.gpu_uuid = "GPU-1";
  need.gpu = GpuIndex{3};
  need.gpu_instance = GpuInstanceId{7};
  need.compute_instance = ComputeInstanceId{1};
  EXPECT_EQ(need_of_text(need_text(need)), need);
  EXPECT_EQ(need_of_text(need_text(Need{})), Need{});
  EXPECT_EQ(need_of_text("of=tomorrow\nsm=14\n").min_sm, 14U);
}

TEST(Need, SaysWhatIsWanted) {
  Need need;
  EXPECT_EQ(need.str(), "an instance");
  need.min_memory_mib = 12288;
  need.min_sm = 30;
  EXPECT_EQ(need.str(), "an instance with at least 12 GiB and 30 SMs");
  need.min_memory_mib.reset();
  need.min_sm.reset();
  need.profile = named("2g.10gb");
  need.gpu = GpuIndex{0};
  EXPECT_EQ(need.str(), "2g.10gb on GPU 0");
  need.slot = "train-a";
  EXPECT_EQ(need.str(), "slot train-a on GPU 0");
}

TEST(Who, ProcessesOfTheInstanceAndThoseThatMayBeOnItAndLeases) {
  Inventory inventory = machine();
  Gpu& gpu = inventory.gpus[0];
  EXPECT_EQ(who_is_on(gpu, gpu.instances[0].id), "");
  EXPECT_FALSE(gpu.in_use(gpu.instances[0].id));
  testing::add_process(gpu, gpu.instances[0], 41);
  gpu.processes.push_back({42, "", {}, {}, {}});
  gpu.leases.push_back({3, "team-a", "train", gpu.instances[0].id, ComputeInstanceId{0}, 0, 0});
  EXPECT_EQ(who_is_on(gpu, gpu.instances[0].id),
            "pid 41 (python), pid 42, lease 3 of team-a (train)");
  EXPECT_EQ(who_is_on(gpu, gpu.instances[0].id, ComputeInstanceId{1}), "pid 41 (python), pid 42");
  EXPECT_EQ(who_is_on(gpu, gpu.instances[1].id), "pid 42");
  gpu.processes.push_back({43, "", {}, gpu.instances[0].id, ComputeInstanceId{1}});
  EXPECT_EQ(who_is_on(gpu, gpu.instances[0].id, ComputeInstanceId{1}),
            "pid 41 (python), pid 42, pid 43");
  EXPECT_EQ(who_is_on(gpu, gpu.instances[0].id, ComputeInstanceId{0}),
            "pid 41 (python), pid 42, lease 3 of team-a (train)");
  gpu.processes.clear();
  EXPECT_TRUE(gpu.in_use(gpu.instances[0].id));
  EXPECT_FALSE(gpu.in_use(gpu.instances[1].id));
}

TEST(Instance, TheSmallestIsOfferedFirst) {
  const auto all = instances_of(machine());
  EXPECT_TRUE(smaller(all[1], all[0]));
  EXPECT_FALSE(smaller(all[0], all[1]));
  EXPECT_FALSE(smaller(all[0], all[0]));
}

}  // namespace
}  // namespace mig
