// SPDX-License-Identifier: Apache-2.0
#include "apply/migration.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "apply/move_search.h"
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

// An A100 reduced to the members that these tests need.
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
  if (pid == 0) {
    return;
  }
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
  if (!blocked) {
    return blocked.error();
  }
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

// Of two equal sets the first cannot move and the second can: a second +me is not allowed.
TEST(Migration, WhenOneOfTheSmallestSetsCannotMoveAnotherIsTried) {
  for (const std::uint32_t extended : {0U, 1U}) {
    Inventory now;
    now.gpus = {board(0)};
    now.gpus[0].profiles.push_back(profile("1g.5gb+me", 20, 1, now.gpus[0].profiles[0].placements));
    now.gpus[0].profiles.back().max_count = 1;
    now.gpus[0].profiles.push_back(profile("2g.10gb", 14, 2, {{0, 2}, {2, 2}, {4, 2}}));
    add(now.gpus[0], "1g.5gb", {extended == 0 ? 2U : 1U, 1}, 7, 41);
    add(now.gpus[0], "1g.5gb+me", {extended == 0 ? 0U : 3U, 1}, 8, 42);
    add(now.gpus[0], "3g.20gb", {4, 4}, 2, 43);
    const auto migration = migrate(now, wish(1, {"3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb+me"}));
    ASSERT_TRUE(migration) << migration.error().text();
    ASSERT_EQ(migration->moves.size(), 1U);
    EXPECT_EQ(migration->moves[0].from.id, GpuInstanceId{7});
    EXPECT_EQ(migration->moves[0].to.start, extended == 0 ? 1U : 2U);
  }
}

TEST(Migration, ASecondExtensionNeedsTheIdleOneToGo) {
  Inventory now;
  now.gpus = {board(0), board(1)};
  for (Gpu& gpu : now.gpus) {
    gpu.profiles.push_back(profile("1g.5gb+me", 20, 1, gpu.profiles[0].placements));
    gpu.profiles.back().max_count = 1;
  }
  add(now.gpus[0], "1g.5gb+me", {0, 1}, 8, 42);
  add(now.gpus[1], "1g.5gb+me", {6, 1}, 9, 0);
  DesiredLayout desired = wish(2, {"7g.40gb"});
  desired.gpus[1] = wish(2, {"3g.20gb", "1g.5gb+me"}).gpus[1];
  desired.gpus[1].instances[1].placement = Placement{0, 1};
  const auto migration = migrate(now, desired);
  ASSERT_TRUE(migration) << migration.error().text();
  EXPECT_EQ(migration->moves[0].to_gpu, GpuIndex{1});
  ASSERT_EQ(migration->beside.gpus.size(), 1U);
  EXPECT_EQ(migration->beside.gpus[0].instances.size(), 1U) << "the idle one is in the way";
}

// Eight GPUs, three moves, free slots on the last GPU only: 56 placements for each.
TEST(Migration, ManyGpusAreNoReasonToGiveUp) {
  Inventory now;
  for (std::uint32_t i = 0; i < 8; ++i) {
    now.gpus.push_back(board(i));
  }
  for (std::uint32_t i = 0; i < 3; ++i) {
    add(now.gpus[0], "1g.5gb", {i, 1}, 7 + i, 41 + i);
  }
  DesiredLayout desired = wish(8, {"7g.40gb"});
  desired.gpus[7] = wish(8, std::vector<const char*>(7, "1g.5gb")).gpus[7];
  MoveSearch search(now, desired, kMostLooks);
  const auto migration = search.run();
  ASSERT_TRUE(migration);
  EXPECT_TRUE(search.complete());
  EXPECT_EQ(migration->moves.size(), 3U);
  for (const Move& move : migration->moves) {
    EXPECT_EQ(move.to_gpu, GpuIndex{7});
  }
}

// The message of an exhausted search budget must not read as a proof.
TEST(Migration, TheBoundIsSaid) {
  Inventory now;
  now.gpus = {board(0)};
  add(now.gpus[0], "1g.5gb", {0, 1}, 7, 41);
  const DesiredLayout desired = wish(1, {"4g.20gb", "1g.5gb"});
  planner::Policy policy;
  policy.keep_busy = false;
  const auto blocked = planner::plan(now, desired, policy);
  ASSERT_TRUE(blocked);
  const auto told = plan_migration(now, desired, *blocked, 150);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kNoCapacity);
  EXPECT_EQ(told.error().message,
            "cannot move 1g.5gb gi=7 on GPU 0: no way was found within the 150 looks at which the "
            "search ends; there may be one");
  EXPECT_TRUE(plan_migration(now, desired, *blocked));
}

// Oracle: no slot twice, no profile over its maximum, one media extension, seven slices.
bool lawful(const Gpu& gpu) {
  std::uint32_t slices = 0, extended = 0;
  for (std::size_t i = 0; i < gpu.instances.size(); ++i) {
    const GpuInstance& one = gpu.instances[i];
    const auto same = std::count_if(gpu.instances.begin(),
                                    gpu.instances.end(),
                                    [&](const auto& other) { return other.name == one.name; });
    const GpuInstanceProfile& of = *gpu.find_profile(one.name);
    slices += of.slices;
    extended += one.name.attributes == "+me" ? 1 : 0;
    if (static_cast<std::size_t>(same) > of.max_count) {
      return false;
    }
    for (std::size_t j = 0; j < i; ++j) {
      const Placement other = gpu.instances[j].placement;
      if (one.placement.start < other.end() && other.start < one.placement.end()) {
        return false;
      }
    }
  }
  return slices <= gpu.compute_slices && extended <= 1;
}

// Oracle: tries every set and every placement with whole plans.
class Naive {
 public:
  Naive(const Inventory& now, const DesiredLayout& desired) : now_(now), desired_(desired) {
    for (const Gpu& gpu : now.gpus) {
      for (const GpuInstance& instance : gpu.instances) {
        if (!gpu.processes_on(instance.id).empty()) {
          busy_.emplace_back(gpu.index, instance);
        }
      }
    }
  }

  // Size of the smallest set that can move.
  std::optional<std::size_t> run() {
    for (std::size_t size = 0; size <= busy_.size(); ++size) {
      for (std::uint64_t set = 0; set < 1ULL << busy_.size(); ++set) {
        set_ = set;
        if (static_cast<std::size_t>(__builtin_popcountll(set)) == size && place(0, now_, now_)) {
          return size;
        }
      }
    }
    return std::nullopt;
  }

 private:
  // `beside`: old and new instances together, `then`: the new ones only; idle ones removed from
  // both.
  bool place(std::size_t i, Inventory beside, Inventory then) {
    if (i == 0) {
      for (Inventory* one : {&beside, &then}) {
        for (Gpu& gpu : one->gpus) {
          std::erase_if(gpu.instances, [&](const GpuInstance& instance) {
            return now_.find_gpu(gpu.index)->processes_on(instance.id).empty();
          });
        }
      }
    }
    if (i == busy_.size()) {
      const auto plan = planner::plan(then, desired_, {});
      return plan && !plan->blocked();
    }
    if ((set_ >> i & 1) == 0) {
      return place(i + 1, std::move(beside), std::move(then));
    }
    const auto& [from, instance] = busy_[i];
    for (Gpu& gpu : then.gpus) {
      if (gpu.index == from) {
        std::erase_if(gpu.processes,
                      [&](const Process& p) { return p.gpu_instance == instance.id; });
      }
    }
    for (std::size_t g = 0; g < now_.gpus.size(); ++g) {
      for (const Placement at : now_.gpus[g].find_profile(instance.name)->placements) {
        Inventory both = beside, after = then;
        for (Inventory* one : {&both, &after}) {
          GpuInstance successor = instance;
          successor.id = GpuInstanceId{1000 + static_cast<std::uint32_t>(i)};
          successor.placement = at;
          Process work;
          work.pid = 1;
          work.gpu_instance = successor.id;
          one->gpus[g].instances.push_back(successor);
          one->gpus[g].processes.push_back(work);
        }
        if (lawful(both.gpus[g]) && place(i + 1, std::move(both), std::move(after))) {
          return true;
        }
      }
    }
    return false;
  }

  const Inventory& now_;
  const DesiredLayout& desired_;
  std::vector<std::pair<GpuIndex, GpuInstance>> busy_;
  std::uint64_t set_ = 0;
};

Gpu full_board(std::uint32_t index) {
  Gpu gpu = board(index);
  gpu.profiles.push_back(profile("1g.5gb+me", 20, 1, gpu.profiles[0].placements));
  gpu.profiles.back().max_count = 1;
  gpu.profiles.push_back(profile("2g.10gb", 14, 2, {{0, 2}, {2, 2}, {4, 2}}));
  return gpu;
}

// Random machines of one or two GPUs with up to three busy instances, each with a desired layout
// that is possible on empty GPUs.
class RandomMachine {
 public:
  explicit RandomMachine(std::mt19937& random) : random_(random) {
    desired = wish(static_cast<std::uint32_t>(1 + below(2)), {});
    for (DesiredGpu& wanted : desired.gpus) {
      fill(wanted.gpu.value);
      for (int i = 0; i < 5; ++i) {
        want(wanted);
      }
    }
  }

  Inventory now;
  DesiredLayout desired;

 private:
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

  void fill(std::uint32_t index) {
    Gpu gpu = full_board(index);
    for (std::uint32_t id = 1; id < 6; ++id) {
      const auto& what = gpu.profiles[below(gpu.profiles.size())];
      const bool runs = busy_ < 3 && below(3) > 0;
      Gpu more = gpu;
      add(more,
          what.name.str().c_str(),
          what.placements[below(what.placements.size())],
          id,
          runs ? 40 + id : 0);
      if (!lawful(more)) {
        continue;
      }
      busy_ += runs ? 1 : 0;
      gpu = more;
    }
    now.gpus.push_back(gpu);
  }

  void want(DesiredGpu& wanted) {
    Inventory empty;
    empty.gpus = {full_board(wanted.gpu.value)};
    const auto& profiles = empty.gpus[0].profiles;
    DesiredLayout more;
    more.gpus = {wanted};
    more.gpus[0].instances.push_back(
        wish(1, {profiles[below(profiles.size())].name.str().c_str()}).gpus[0].instances[0]);
    if (planner::plan(empty, more, {})) {
      wanted = more.gpus[0];
    }
  }

  std::mt19937& random_;
  std::size_t busy_ = 0;
};

TEST(Migration, AsLookingAtEverySetAndPlaceFinds) {
  std::mt19937 random(20261128);
  std::size_t movable = 0;
  std::size_t stuck = 0;
  for (int round = 0; round < 160; ++round) {
    const RandomMachine machine(random);
    MoveSearch search(machine.now, machine.desired, kMostLooks);
    const auto found = search.run();
    const auto right = Naive(machine.now, machine.desired).run();
    EXPECT_TRUE(search.complete());
    ASSERT_EQ(found.has_value(), right.has_value()) << "round " << round;
    if (found) {
      EXPECT_EQ(found->moves.size(), *right) << "round " << round;
    }
    movable += right.value_or(0) > 0 ? 1 : 0;
    stuck += right ? 0 : 1;
  }
  EXPECT_GT(movable, 5U);
  EXPECT_GT(stuck, 20U);
}

}  // namespace
}  // namespace mig::apply
