// SPDX-License-Identifier: Apache-2.0
// The planner disturbs the minimum of busy instances, and names the minimum in a refusal: checked
// against an independent brute-force oracle over random states and desired layouts of one GPU and
// of two. MIGCTL_PROPERTY_STATES and MIGCTL_PROPERTY_SEED set length and seed.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <regex>

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/planner.h"
#include "random_case.h"

namespace mig::property {
namespace {

constexpr std::uint64_t kSeed = 20261124;
const std::set<std::size_t> kNone;

struct Tally {
  int states = 0, unchanged = 0, planned = 0, in_use = 0, no_capacity = 0;
  int running = 0;    // busy instances in all states
  int destroyed = 0;  // idle instances that plans destroy
  int named = 0;      // busy instances that errors name

  void print(const char* what) const {
    std::printf(
        "%s: %d states, %d running instances; %d planned (%d of them nothing to do), %d idle "
        "instances destroyed; %d in use, %d named; %d impossible; %s\n",
        what,
        states,
        running,
        planned,
        unchanged,
        destroyed,
        in_use,
        named,
        no_capacity,
        ::testing::Test::HasFailure() ? "FAILED" : "all as the brute force says");
  }
};

// The oracle's result for one GPU.
struct Truth {
  std::optional<Cost> around;  // no busy instance disturbed
  std::optional<Cost> least;   // any instance may be disturbed
};

Truth truth_of(const BruteForce& brute, const RandomGpu& random) {
  return {brute.best(random.held, random.wishes, &kNone),
          brute.best(random.held, random.wishes, nullptr)};
}

// Instances named in an error, by GPU: "... on GPU 0 (...) around ... 2g.10gb gi=3 (pid ...".
std::map<std::uint32_t, std::set<std::size_t>> named_in(const std::string& message) {
  std::map<std::uint32_t, std::set<std::size_t>> out;
  static const std::regex kPlace("on GPU ([0-9]+) \\(|gi=([0-9]+) \\(");
  std::uint32_t gpu = 0;
  for (std::sregex_iterator it(message.begin(), message.end(), kPlace), end; it != end; ++it) {
    if ((*it)[1].matched) {
      gpu = static_cast<std::uint32_t>(std::stoul((*it)[1]));
    } else {
      out[gpu].insert(std::stoul((*it)[2]));
    }
  }
  return out;
}

std::size_t index_of(const Gpu& gpu, Placement placement) {
  const auto it = std::find_if(gpu.instances.begin(), gpu.instances.end(), [&](const auto& i) {
    return i.placement == placement;
  });
  return static_cast<std::size_t>(it - gpu.instances.begin());
}

// Cost of a plan, counted from its steps, not from its own statements.
Cost cost_of(const Plan& plan, const RandomGpu& random) {
  Cost cost;
  std::set<std::size_t> disturbed;
  std::set<std::size_t> gone;
  std::vector<std::size_t> inside;
  for (const Step& step : plan.steps) {
    if (step.gpu != random.desired.gpu) {
      continue;
    }
    const std::size_t index = index_of(random.gpu, step.gpu_placement);
    if (step.kind == StepKind::kDestroyGpuInstance) {
      gone.insert(index);
      if (random.held.at(index).busy) {
        disturbed.insert(index);
      }
    } else if (step.kind == StepKind::kDestroyComputeInstance) {
      inside.push_back(index);
      if (random.held.at(index).computes.at(step.compute_instance->value).busy) {
        disturbed.insert(index);
      }
    }
  }
  cost.busy = static_cast<int>(disturbed.size());
  cost.instances = static_cast<int>(gone.size());
  cost.computes = static_cast<int>(
      std::count_if(inside.begin(), inside.end(), [&](auto i) { return gone.count(i) == 0; }));
  return cost;
}

// One machine of one or two GPUs.
struct Machine {
  std::vector<const BruteForce*> brute;
  std::vector<RandomGpu> gpus;

  std::string text() const {
    std::string out;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      out += (i == 0 ? "" : "\n") + text_of(brute[i]->board(), gpus[i]);
    }
    return out;
  }
};

void check_named(const Machine& machine,
                 const std::vector<Truth>& truths,
                 const Error& error,
                 Tally& tally) {
  const auto named = named_in(error.message);
  for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
    const auto it = named.find(static_cast<std::uint32_t>(i));
    const std::set<std::size_t> set = it == named.end() ? kNone : it->second;
    // The named set is minimal, all busy, and sufficient.
    const int fewest = truths[i].around ? 0 : truths[i].least->busy;
    EXPECT_EQ(static_cast<int>(set.size()), fewest) << error.message;
    for (const std::size_t index : set) {
      EXPECT_TRUE(machine.gpus[i].held.at(index).busy) << error.message;
    }
    EXPECT_TRUE(machine.brute[i]->best(machine.gpus[i].held, machine.gpus[i].wishes, &set))
        << error.message;
    tally.named += fewest;
  }
}

void check(const Machine& machine, Tally& tally) {
  std::vector<Truth> truths;
  std::vector<Gpu> gpus;
  DesiredLayout desired{"random", {}, {}};
  for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
    truths.push_back(truth_of(*machine.brute[i], machine.gpus[i]));
    gpus.push_back(machine.gpus[i].gpu);
    desired.gpus.push_back(machine.gpus[i].desired);
    for (const Held& held : machine.gpus[i].held) {
      tally.running += held.busy ? 1 : 0;
    }
  }
  ++tally.states;
  const bool possible = std::all_of(
      truths.begin(), truths.end(), [](const Truth& truth) { return truth.least.has_value(); });
  const bool around = std::all_of(
      truths.begin(), truths.end(), [](const Truth& truth) { return truth.around.has_value(); });
  const Inventory inventory = testing::inventory(gpus);
  const auto plan = mig::planner::plan(inventory, desired, {});
  ASSERT_EQ(plan.has_value(), around) << (plan ? "planned" : plan.error().text());
  if (plan) {
    ++tally.planned;
    tally.unchanged += plan->empty() ? 1 : 0;
    for (std::size_t i = 0; i < truths.size(); ++i) {
      const Cost cost = cost_of(*plan, machine.gpus[i]);
      EXPECT_EQ(cost.busy, 0);
      EXPECT_EQ(cost.instances, truths[i].around->instances);
      EXPECT_EQ(cost.computes, truths[i].around->computes);
      EXPECT_EQ(plan->gpus[i].destroyed.size(), static_cast<std::size_t>(cost.instances));
      tally.destroyed += cost.instances;
    }
    EXPECT_FALSE(plan->blocked());
    return;
  }
  ASSERT_EQ(plan.error().code, possible ? ErrorCode::kInUse : ErrorCode::kNoCapacity)
      << plan.error().text();
  // The same desired layout with permission to disturb: as few busy instances as possible.
  mig::planner::Policy ruthless;
  ruthless.keep_busy = false;
  const auto forced = mig::planner::plan(inventory, desired, ruthless);
  ASSERT_EQ(forced.has_value(), possible) << (forced ? "planned" : forced.error().text());
  if (!possible) {
    ++tally.no_capacity;
    return;
  }
  ++tally.in_use;
  check_named(machine, truths, plan.error(), tally);
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const Cost cost = cost_of(*forced, machine.gpus[i]);
    EXPECT_EQ(cost.busy, truths[i].least->busy);
    EXPECT_EQ(cost.instances, truths[i].least->instances);
  }
}

void run(std::size_t gpus, std::uint64_t states, const char* what) {
  Random random(number_from("MIGCTL_PROPERTY_SEED", kSeed) + gpus);
  const std::vector<std::string> keys = testing::board_keys();
  Tally tally;
  for (std::uint64_t i = 0; i < states && !::testing::Test::HasFailure(); ++i) {
    Machine machine;
    for (std::size_t g = 0; g < gpus; ++g) {
      machine.brute.push_back(&brute_for(g == 0 ? keys[i % keys.size()] : random.of(keys)));
      machine.gpus.push_back(
          random_gpu(random, *machine.brute.back(), static_cast<std::uint32_t>(g)));
    }
    SCOPED_TRACE("state " + std::to_string(i) + "\n" + machine.text());
    check(machine, tally);
  }
  tally.print(what);
  if (states >= 1000 && !::testing::Test::HasFailure()) {
    EXPECT_GT(tally.planned, tally.states / 10) << "the random states are not telling";
    EXPECT_GT(tally.in_use, tally.states / 20);
    EXPECT_GT(tally.no_capacity, tally.states / 100);
  }
}

// Checks the oracle itself against published counts, enumerated from the windows that real boards
// print.
TEST(BruteForce, KnowsThePublishedCounts) {
  EXPECT_EQ(brute_for("a100_sxm4_40gb").layouts().size(), 2319U);
  EXPECT_EQ(brute_for("h200_141gb").layouts().size(), 2319U);
  EXPECT_EQ(brute_for("a30_24gb").layouts().size(), 76U);
  BoardFacts five = read_board("a100_sxm4_40gb");
  std::erase_if(five.profiles, [](const ProfileFacts& profile) {
    return profile.extension || profile.name == "1g.10gb";
  });
  const auto layouts = all_layouts(five);
  EXPECT_EQ(layouts.size(), 298U);
  const auto grows = [&](const Windows& windows) {
    return std::any_of(layouts.begin(), layouts.end(), [&](const Windows& larger) {
      return larger.size() == windows.size() + 1 &&
             std::includes(larger.begin(),
                           larger.end(),
                           windows.begin(),
                           windows.end(),
                           [](const Window& a, const Window& b) { return a.start < b.start; }) &&
             std::all_of(windows.begin(), windows.end(), [&](const Window& window) {
               return std::find(larger.begin(), larger.end(), window) != larger.end();
             });
    });
  };
  EXPECT_EQ(std::count_if(layouts.begin(), layouts.end(), std::not_fn(grows)), 19);
}

TEST(FewestMoves, OfOneGpu) {
  run(1, number_from("MIGCTL_PROPERTY_STATES", 2400), "one GPU");
}

TEST(FewestMoves, OfTwoGpus) {
  run(2, number_from("MIGCTL_PROPERTY_STATES", 2400) / 2, "two GPUs");
}

}  // namespace
}  // namespace mig::property
