// SPDX-License-Identifier: Apache-2.0
// Spare room: by example, and against a brute-force oracle over all states of one and two GPUs.
#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/board.h"
#include "planner/planner.h"

namespace mig::planner {
namespace {

using testing::add_instance;
using testing::add_process;
using testing::board;

ProfileName named(const std::string& text) {
  return ProfileName::parse(text).value();
}

DesiredGpu wanted(std::uint32_t gpu, const std::vector<std::string>& profiles) {
  DesiredGpu out{{gpu}, true, {}, {}};
  for (const std::string& profile : profiles) {
    out.instances.push_back({named(profile), {named(profile)}, std::nullopt, {}});
  }
  return out;
}

DesiredLayout layout(std::vector<DesiredGpu> gpus, std::vector<SpareRoom> spare) {
  return {"test", std::move(gpus), {}, std::move(spare)};
}

Result<Plan> plan_of(std::vector<Gpu> gpus, const DesiredLayout& desired) {
  return plan(testing::inventory(std::move(gpus)), desired, {});
}

std::vector<std::string> room_of(const Result<Plan>& plan) {
  std::vector<std::string> out;
  if (!plan) {
    return {plan.error().text()};
  }
  for (const KeptRoom& room : plan->kept_room) {
    out.push_back(room.profile.str() + " on " + std::to_string(room.gpu.value) + " at " +
                  std::to_string(room.placement.start));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(Spare, AnIdleInstanceMovesForTheRoomAndABusyOneDoesNot) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_instance(gpu, "2g.10gb", 0);
  const auto same = wanted(0, {"2g.10gb"});
  const auto without = plan_of({gpu}, layout({same}, {}));
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->empty());
  EXPECT_TRUE(without->kept_room.empty());

  const auto desired = layout({same}, {{named("4g.20gb"), 1}});
  const auto with = plan_of({gpu}, desired);
  EXPECT_EQ(room_of(with), Lines{"4g.20gb on 0 at 0"}) << "4g.20gb can be nowhere else";
  ASSERT_EQ(with->gpus[0].created.size(), 1U);
  EXPECT_EQ(with->gpus[0].created[0].placement.start, 4U);
  EXPECT_EQ(with->steps[0].kind, StepKind::kCreateGpuInstance);

  add_process(gpu, gpu.instances[0], 4121);
  const auto refused = plan_of({gpu}, desired);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoCapacity);
  EXPECT_EQ(refused.error().message,
            "cannot keep room for 4g.20gb: beside what is there after this change, nothing would "
            "still fit; GPU 0: 2g.10gb gi=0 (pid 4121 python) holds slots 0-1");
  EXPECT_EQ(refused.error().hint,
            "it would fit if what runs could move: end it or wait for its end, or keep less room");
}

TEST(Spare, SaysWhatWouldStillFitAndWhatIsInItsPlace) {
  Gpu gpu = board("a100_sxm4_40gb");
  add_process(gpu, add_instance(gpu, "1g.5gb", 6), 7, "");
  const auto refused = plan_of(
      {gpu},
      layout({wanted(0, {"3g.20gb", "1g.5gb"})}, {{named("2g.10gb"), 1}, {named("2g.10gb"), 1}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot keep room for 2 x 2g.10gb: beside what is there after this change, 2g.10gb "
            "would still fit; GPU 0: 1g.5gb gi=0 (pid 7) holds slot 6, 3g.20gb");
  EXPECT_EQ(refused.error().hint, "keep less room, or leave an instance out of the layout");
}

TEST(Spare, GivenPlacesStay) {
  DesiredGpu fixed = wanted(0, {"1g.5gb"});
  fixed.instances[0].placement = Placement{2, 1};
  const auto refused = plan_of({board("a100_sxm4_40gb")}, layout({fixed}, {{named("4g.20gb"), 1}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoCapacity);
  fixed.instances[0].placement.reset();
  EXPECT_EQ(room_of(plan_of({board("a100_sxm4_40gb")}, layout({fixed}, {{named("4g.20gb"), 1}}))),
            Lines{"4g.20gb on 0 at 0"});
}

TEST(Spare, AnyGpuWithMigOnMayKeepIt) {
  Gpu other = board("a100_sxm4_40gb", 1);
  const auto full = layout({wanted(0, {"7g.40gb"})}, {{named("3g.20gb"), 2}});
  EXPECT_EQ(room_of(plan_of({board("a100_sxm4_40gb"), other}, full)),
            (Lines{"3g.20gb on 1 at 0", "3g.20gb on 1 at 4"}));
  Gpu hidden = other;
  hidden.instances_complete = false;
  EXPECT_FALSE(plan_of({board("a100_sxm4_40gb"), hidden}, full));
  Gpu off = other;
  off.mig_current = off.mig_pending = MigMode::kDisabled;
  EXPECT_FALSE(plan_of({board("a100_sxm4_40gb"), off}, full));
  DesiredLayout on = full;
  on.gpus.push_back(wanted(1, {}));
  EXPECT_EQ(room_of(plan_of({board("a100_sxm4_40gb"), off}, on)).size(), 2U);
  on.gpus[1].mig_enabled = false;
  EXPECT_FALSE(plan_of({board("a100_sxm4_40gb"), other}, on)) << "it goes off";
}

TEST(Spare, IsKeptWhereItCostsLeast) {
  Gpu split = board("a100_sxm4_40gb", 0);
  add_instance(split, "1g.5gb", 0);
  add_instance(split, "1g.5gb", 4);
  Gpu half = board("a100_sxm4_40gb", 1);
  add_instance(half, "1g.5gb", 4);
  const auto gpus = std::vector<DesiredGpu>{wanted(0, {"1g.5gb", "1g.5gb"}), wanted(1, {"1g.5gb"})};
  const auto one = plan_of({split, half}, layout(gpus, {{named("3g.20gb"), 1}}));
  EXPECT_EQ(room_of(one), Lines{"3g.20gb on 1 at 0"});
  EXPECT_TRUE(one->empty());
  const auto two = plan_of({split, half}, layout(gpus, {{named("3g.20gb"), 2}}));
  EXPECT_EQ(room_of(two).size(), 2U);
  EXPECT_EQ(two->gpus[0].destroyed.size(), 1U);
  EXPECT_TRUE(two->gpus[1].destroyed.empty());
}

TEST(Spare, WhatNoBoardHasIsNamed) {
  const auto unknown =
      plan_of({board("a100_sxm4_40gb")}, layout({wanted(0, {})}, {{named("2g.20gb"), 1}}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotSupported);
  EXPECT_NE(unknown.error().hint.find("2g.10gb"), std::string::npos) << unknown.error().hint;
  DesiredGpu off = wanted(0, {});
  off.mig_enabled = false;
  const auto none = plan_of({board("a100_sxm4_40gb")}, layout({off}, {{named("2g.10gb"), 1}}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "cannot keep room for 2g.10gb: no GPU with such a profile has MIG on after this "
            "change");
}

// ---- comparison with a brute-force oracle

struct SpareCase {
  Gpu gpu;
  DesiredGpu desired;
};

std::size_t up_to(std::mt19937& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n)(random);
}

SpareCase random_spare_case(std::mt19937& random,
                            const Gpu& empty,
                            const Board& board,
                            const std::vector<Layout>& states) {
  SpareCase out{empty, {empty.index, true, {}, {}}};
  std::uint32_t pid = 100;
  for (const Placed& placed : states[up_to(random, states.size() - 1)]) {
    if (up_to(random, 2) == 0) {
      continue;
    }
    const auto& instance =
        add_instance(out.gpu, board.profiles()[placed.profile].name.str(), placed.placement.start);
    if (up_to(random, 3) == 0) {
      add_process(out.gpu, instance, pid++);
    }
    if (up_to(random, 4) > 0) {
      out.desired.instances.push_back({instance.name, {instance.name}, std::nullopt, {}});
    }
  }
  if (up_to(random, 1) == 0) {
    const ProfileName& name = board.profiles()[up_to(random, board.profiles().size() - 1)].name;
    out.desired.instances.push_back({name, {name}, std::nullopt, {}});
  }
  return out;
}

// Oracle: fewest destroyed over all states that equal the layout, keep the busy instances, and are
// part of a state with `spare` more of `profile`.
std::optional<std::size_t> brute(const Board& board,
                                 const SpareCase& c,
                                 const std::vector<Layout>& states,
                                 std::size_t profile,
                                 std::uint32_t spare) {
  Load want = board.empty();
  for (const DesiredInstance& instance : c.desired.instances) {
    ++want.counts[board.find(instance.profile).value()];
  }
  std::vector<std::uint32_t> more = want.counts;
  more[profile] += spare;
  std::optional<std::size_t> best;
  for (const Layout& full : states) {
    if (board.load_of(full).counts != more) {
      continue;
    }
    // Bit set `chosen`: which instances of the profile count as spare.
    for (std::uint32_t chosen = 0; chosen < (1U << full.size()); ++chosen) {
      Layout kept;
      std::uint32_t left_out = 0;
      for (std::size_t i = 0; i < full.size(); ++i) {
        const bool is_spare = (chosen >> i & 1U) != 0 && full[i].profile == profile;
        left_out += is_spare ? 1 : 0;
        if (!is_spare) {
          kept.push_back(full[i]);
        }
      }
      std::size_t gone = 0;
      bool busy_stay = left_out == spare;
      for (const GpuInstance& instance : c.gpu.instances) {
        const Placed placed{board.find(instance.profile_id).value(), instance.placement};
        if (std::find(kept.begin(), kept.end(), placed) == kept.end()) {
          ++gone;
          busy_stay = busy_stay && c.gpu.processes_on(instance.id).empty();
        }
      }
      if (busy_stay && (!best || gone < *best)) {
        best = gone;
      }
    }
  }
  return best;
}

void check_spare_case(std::mt19937& random, const std::string& key, std::size_t gpus, int* seen) {
  const Gpu empty = board(key);
  const Board rules(empty);
  static std::map<std::string, std::vector<Layout>> known;
  if (known[key].empty()) {
    known[key] = all_states(rules);
  }
  const std::vector<Layout>& states = known[key];
  const std::size_t profile = up_to(random, rules.profiles().size() - 1);
  const auto asked = static_cast<std::uint32_t>(1 + up_to(random, gpus));
  std::vector<std::optional<std::size_t>> best(asked + 1);
  best[0] = 0;
  std::vector<Gpu> machine;
  DesiredLayout desired{"random", {}, {}, {{rules.profiles()[profile].name, asked}}};
  bool plain = true;
  for (std::size_t g = 0; g < gpus; ++g) {
    SpareCase c =
        random_spare_case(random, board(key, static_cast<std::uint32_t>(g)), rules, states);
    std::vector<std::optional<std::size_t>> next(asked + 1);
    for (std::uint32_t n = 0; n <= asked; ++n) {
      const auto cost = brute(rules, c, states, profile, n);
      plain = plain && (n > 0 || cost);
      for (std::uint32_t have = 0; cost && have + n <= asked; ++have) {
        if (best[have] && (!next[have + n] || *best[have] + *cost < *next[have + n])) {
          next[have + n] = *best[have] + *cost;
        }
      }
    }
    best = next;
    machine.push_back(c.gpu);
    desired.gpus.push_back(c.desired);
  }
  const auto result = plan_of(machine, desired);
  if (!plain) {
    ASSERT_FALSE(result);
    return;
  }
  ASSERT_EQ(result.has_value(), best[asked].has_value())
      << (result ? "planned" : result.error().text());
  ++seen[result ? 1 : 0];
  if (!result) {
    EXPECT_EQ(result.error().code, ErrorCode::kNoCapacity) << result.error().text();
    return;
  }
  EXPECT_EQ(result->kept_room.size(), asked);
  std::size_t gone = 0;
  for (const GpuPlan& gpu : result->gpus) {
    gone += gpu.destroyed.size();
    Load load = rules.empty();
    const auto put = [&](const ProfileName& name, Placement placement) {
      const Placed placed{rules.find(name).value(), placement};
      EXPECT_TRUE(rules.fits(load, placed)) << name.str();
      rules.add(load, placed);
    };
    for (const LayoutCell& cell : gpu.after.cells) {
      put(cell.profile, cell.placement);
    }
    for (const KeptRoom& room : result->kept_room) {
      if (room.gpu == gpu.gpu) {
        put(room.profile, room.placement);
      }
    }
  }
  EXPECT_EQ(gone, *best[asked]);
}

TEST(Spare, IsExactOnRandomStates) {
  std::mt19937 random(20261124);
  int seen[2] = {0, 0};
  for (int i = 0; i < 600 && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    check_spare_case(random, i % 3 == 0 ? "a30_24gb" : "a100_sxm4_40gb", 1 + i % 2, seen);
  }
  EXPECT_GT(seen[0], 30) << "refused";
  EXPECT_GT(seen[1], 100) << "planned";
}

}  // namespace
}  // namespace mig::planner
