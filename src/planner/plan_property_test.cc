// SPDX-License-Identifier: Apache-2.0
// Property test: thousands of random states and desired layouts against a brute-force oracle that
// shares only Board's legality rules with the search, and every plan executed on a small pure model
// of a GPU.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "model/slots.h"
#include "model/testing/test_boards.h"
#include "planner/board.h"
#include "planner/planner.h"

namespace mig::planner {
namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}

// A model of a GPU that executes steps or returns why it cannot. Ids are never reused.
class ToyGpu {
 public:
  explicit ToyGpu(Gpu gpu) : gpu_(std::move(gpu)) {}

  const Gpu& gpu() const { return gpu_; }

  std::string run(const Step& step) {
    switch (step.kind) {
      case StepKind::kCreateGpuInstance:
        return create_instance(step);
      case StepKind::kDestroyGpuInstance:
        return destroy_instance(step);
      case StepKind::kCreateComputeInstance:
        return create_compute(step);
      case StepKind::kDestroyComputeInstance:
        return destroy_compute(step);
      case StepKind::kEnableMig:
        return set_mode(MigMode::kEnabled);
      case StepKind::kDisableMig:
        return set_mode(MigMode::kDisabled);
      case StepKind::kResetGpu:
        gpu_.mig_current = gpu_.mig_pending;
        gpu_.instances.clear();
        return {};
    }
    return "no such step";
  }

  // The layout without ids, which an undo must restore.
  std::multiset<std::string> shape() const {
    std::multiset<std::string> out;
    for (const GpuInstance& instance : gpu_.instances) {
      std::multiset<std::string> inside;
      for (const ComputeInstance& compute : instance.compute_instances) {
        inside.insert(compute.name.str() + "@" + std::to_string(compute.placement->start));
      }
      std::string text = instance.name.str() + "@" + std::to_string(instance.placement.start);
      for (const std::string& compute : inside) {
        text += " " + compute;
      }
      out.insert(text);
    }
    return out;
  }

 private:
  GpuInstance* at(Placement placement) {
    const auto it = std::find_if(gpu_.instances.begin(),
                                 gpu_.instances.end(),
                                 [&](const GpuInstance& i) { return i.placement == placement; });
    return it == gpu_.instances.end() ? nullptr : &*it;
  }

  std::string create_instance(const Step& step) {
    const GpuInstanceProfile* profile = gpu_.find_profile(step.profile_id);
    if (gpu_.mig_current != MigMode::kEnabled || profile == nullptr ||
        profile->name != step.profile || profile->nvml_profile != step.nvml_profile) {
      return "no such profile now";
    }
    std::uint32_t slices = profile->slices;
    std::uint32_t same = 1;
    for (const GpuInstance& other : gpu_.instances) {
      const GpuInstanceProfile* held = gpu_.find_profile(other.profile_id);
      slices += held->slices;
      same += held == profile ? 1 : 0;
      const bool both_me = held->name.attributes.rfind("+me", 0) == 0 &&
                           profile->name.attributes.rfind("+me", 0) == 0;
      if (other.placement.overlaps(step.gpu_placement) || both_me) {
        return "overlaps " + other.name.str();
      }
    }
    const auto& legal = profile->placements;
    if (std::find(legal.begin(), legal.end(), step.gpu_placement) == legal.end() ||
        slices > gpu_.compute_slices || same > profile->max_count) {
      return "not a legal placement or too many";
    }
    GpuInstance made;
    made.id = {next_id_++};
    made.profile_id = profile->id;
    made.nvml_profile = profile->nvml_profile;
    made.name = profile->name;
    made.placement = step.gpu_placement;
    gpu_.instances.push_back(made);
    return {};
  }

  std::string destroy_instance(const Step& step) {
    GpuInstance* instance = at(step.gpu_placement);
    if (instance == nullptr || !instance->compute_instances.empty() ||
        instance->profile_id != step.profile_id) {
      return "nothing to destroy, or not empty";
    }
    if (!gpu_.processes.empty() && !gpu_.processes_on(instance->id).empty()) {
      return "busy";
    }
    gpu_.instances.erase(gpu_.instances.begin() + (instance - gpu_.instances.data()));
    return {};
  }

  std::string create_compute(const Step& step) {
    GpuInstance* instance = at(step.gpu_placement);
    if (instance == nullptr || !step.ci_placement) {
      return "no GPU instance there, or no placement although the board tells it";
    }
    for (const ComputeInstance& other : instance->compute_instances) {
      if (other.placement->overlaps(*step.ci_placement)) {
        return "compute instances overlap";
      }
    }
    ComputeInstance made;
    made.id = {next_id_++};
    made.nvml_profile = step.nvml_profile;
    made.name = step.profile;
    made.placement = step.ci_placement;
    instance->compute_instances.push_back(made);
    return {};
  }

  std::string destroy_compute(const Step& step) {
    GpuInstance* instance = at(step.gpu_placement);
    if (instance == nullptr) {
      return "no GPU instance there";
    }
    auto& inside = instance->compute_instances;
    const auto it = std::find_if(inside.begin(), inside.end(), [&](const ComputeInstance& c) {
      return c.placement == step.ci_placement && c.nvml_profile == step.nvml_profile;
    });
    if (it == inside.end()) {
      return "no such compute instance";
    }
    for (const Process& process : gpu_.processes_on(instance->id)) {
      if (process.compute_instance.value_or(it->id) == it->id) {
        return "busy";
      }
    }
    inside.erase(it);
    return {};
  }

  std::string set_mode(MigMode mode) {
    if (mode == MigMode::kDisabled && !gpu_.instances.empty()) {
      return "instances are there";
    }
    gpu_.mig_pending = mode;
    if (gpu_.architecture != Architecture::kAmpere) {
      gpu_.mig_current = mode;
    }
    return {};
  }

  Gpu gpu_;
  std::uint32_t next_id_ = 100;  // larger than every id in use at the start
};

struct Case {
  Gpu gpu;
  DesiredLayout desired;
};

// A typical set of compute instances: mostly one of the full size, at times several of one slice.
std::vector<std::string> random_inside(Random& random, const GpuInstanceProfile& profile) {
  const std::size_t kind = below(random, 6);
  const ComputeInstanceProfile& smallest = profile.compute_profiles.front();
  if (kind == 0) {
    return {"-"};
  }
  if (kind == 1 && smallest.slices == 1) {
    return std::vector<std::string>(1 + below(random, smallest.max_count), smallest.name.str());
  }
  return {""};
}

void occupy(Random& random, Gpu& gpu, const Layout& layout, const Board& board) {
  for (const Placed& placed : layout) {
    const GpuInstanceProfile& profile = board.profiles()[placed.profile];
    const GpuInstance& instance = testing::add_instance(
        gpu, profile.name.str(), placed.placement.start, random_inside(random, profile));
    if (!instance.compute_instances.empty() && below(random, 4) == 0) {
      testing::add_process(gpu, instance, 1000 + placed.placement.start);
      gpu.processes.back().compute_instance =
          instance.compute_instances[below(random, instance.compute_instances.size())].id;
    }
  }
}

Case random_case(Random& random, const Gpu& empty, const std::vector<Layout>& states) {
  const Board board(empty);
  Case out{empty, {}};
  occupy(random, out.gpu, states[below(random, states.size())], board);
  DesiredGpu desired{empty.index, true, {}, {}};
  // Half of the desired layouts are reachable states; the other half may be impossible.
  const Layout& wish = states[below(random, states.size())];
  for (const Placed& placed : wish) {
    const std::size_t profile =
        below(random, 8) == 0 ? below(random, board.profiles().size()) : placed.profile;
    DesiredInstance instance;
    instance.profile = board.profiles()[profile].name;
    for (const std::string& name : random_inside(random, board.profiles()[profile])) {
      if (name != "-") {
        instance.compute_instances.push_back(name.empty() ? instance.profile
                                                          : ProfileName::parse(name).value());
      }
    }
    desired.instances.push_back(instance);
  }
  out.desired = {"random", {desired}, {}};
  return out;
}

using Counts = std::vector<std::uint32_t>;
using ByCounts = std::map<Counts, std::vector<Layout>>;

ByCounts by_counts(const Board& board, const std::vector<Layout>& states) {
  ByCounts out;
  for (const Layout& layout : states) {
    out[board.load_of(layout).counts].push_back(layout);
  }
  return out;
}

Counts wanted_counts(const Board& board, const DesiredGpu& desired) {
  Counts counts(board.profiles().size());
  for (const DesiredInstance& instance : desired.instances) {
    ++counts[board.find(instance.profile).value()];
  }
  return counts;
}

// Oracle: fewest GPU instances destroyed over all states of the wanted counts that keep each busy
// instance in place; nullopt = none does. Looks at GPU instances only.
std::optional<std::size_t> fewest_destroyed(const Board& board,
                                            const Case& c,
                                            const ByCounts& states) {
  const auto candidates = states.find(wanted_counts(board, c.desired.gpus[0]));
  if (candidates == states.end()) {
    return std::nullopt;
  }
  std::optional<std::size_t> best;
  for (const Layout& layout : candidates->second) {
    std::size_t destroyed = 0;
    bool keeps_busy = true;
    for (const GpuInstance& instance : c.gpu.instances) {
      const Placed placed{board.find(instance.profile_id).value(), instance.placement};
      if (std::find(layout.begin(), layout.end(), placed) == layout.end()) {
        ++destroyed;
        keeps_busy = keeps_busy && c.gpu.processes_on(instance.id).empty();
      }
    }
    if (keeps_busy && (!best || destroyed < *best)) {
      best = destroyed;
    }
  }
  return best;
}

bool whole_gpu_instances_only(const Case& c) {
  return std::all_of(c.gpu.instances.begin(),
                     c.gpu.instances.end(),
                     [](const GpuInstance& instance) {
                       return instance.compute_instances.size() == 1 &&
                              instance.compute_instances[0].name == instance.name;
                     }) &&
         std::all_of(c.desired.gpus[0].instances.begin(),
                     c.desired.gpus[0].instances.end(),
                     [](const DesiredInstance& instance) {
                       return instance.compute_instances ==
                              std::vector<ProfileName>{instance.profile};
                     });
}

// Executes the plan and undoes it; each step must succeed.
void play(const Case& c, const Plan& plan) {
  ToyGpu toy(c.gpu);
  const auto before = toy.shape();
  for (const Step& step : plan.steps) {
    ASSERT_EQ(toy.run(step), "") << step.str();
  }
  Inventory after = testing::inventory({toy.gpu()});
  EXPECT_TRUE(differences(after, c.desired).empty()) << differences(after, c.desired)[0];
  const auto again = mig::planner::plan(after, c.desired, {});
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(again->empty()) << again->steps[0].str();
  for (const Step& step : undo_steps(plan.steps)) {
    ASSERT_EQ(toy.run(step), "") << "undo: " << step.str();
  }
  EXPECT_EQ(toy.shape(), before);
  EXPECT_EQ(toy.gpu().mig_current, c.gpu.mig_current);
}

void check_case(const Board& board,
                const Case& c,
                const ByCounts& states,
                std::map<std::string, int>& seen) {
  const Inventory inventory = testing::inventory({c.gpu});
  const auto result = mig::planner::plan(inventory, c.desired, {});
  const auto brute = fewest_destroyed(board, c, states);
  if (!result) {
    const bool fits_empty = states.count(wanted_counts(board, c.desired.gpus[0])) > 0;
    EXPECT_EQ(result.error().code, fits_empty ? ErrorCode::kInUse : ErrorCode::kNoCapacity)
        << result.error().text();
    EXPECT_FALSE(brute && whole_gpu_instances_only(c)) << result.error().text();
    ++seen[fits_empty ? "in use" : "no capacity"];
    return;
  }
  ASSERT_TRUE(brute) << "planned what brute force cannot do";
  EXPECT_GE(result->gpus[0].destroyed.size(), *brute);
  if (whole_gpu_instances_only(c)) {
    EXPECT_EQ(result->gpus[0].destroyed.size(), *brute);
    ++seen["plain"];
  }
  EXPECT_FALSE(result->blocked());
  EXPECT_EQ(result->empty(), differences(inventory, c.desired).empty());
  EXPECT_EQ(result->gpus[0].changes(), !result->empty());
  ++seen[result->empty() ? "nothing to do" : "planned"];
  play(c, *result);
}

class EveryBoard : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryBoard, PlansAreOptimalPlayableAndReversible) {
  const Gpu empty = testing::board(GetParam());
  const Board board(empty);
  const std::vector<Layout> states = all_states(board);
  const ByCounts counted = by_counts(board, states);
  Random random(20261123);
  std::map<std::string, int> seen;
  for (int i = 0; i < 600 && !HasFailure(); ++i) {
    check_case(board, random_case(random, empty, states), counted, seen);
  }
  for (const char* kind : {"planned", "in use", "no capacity", "plain"}) {
    EXPECT_GT(seen[kind], 0) << "the random cases never were: " << kind;
  }
}

TEST_P(EveryBoard, EveryStateCanBeLeftForNothingAndModeGoesBoth) {
  const Gpu empty = testing::board(GetParam());
  const Board board(empty);
  const std::vector<Layout> states = all_states(board);
  for (std::size_t i = 0; i < states.size() && !HasFailure(); i += 1 + states.size() / 60) {
    Case c{empty, {"off", {{empty.index, false, {}, {}}}, {}}};
    for (const Placed& placed : states[i]) {
      testing::add_instance(
          c.gpu, board.profiles()[placed.profile].name.str(), placed.placement.start);
    }
    const auto plan = mig::planner::plan(testing::inventory({c.gpu}), c.desired, {});
    ASSERT_TRUE(plan);
    play(c, *plan);
    Case on{empty, {"on", {{empty.index, true, {}, {}}}, {}}};
    on.gpu.mig_current = on.gpu.mig_pending = MigMode::kDisabled;
    for (const Placed& placed : states[i]) {
      const ProfileName name = board.profiles()[placed.profile].name;
      on.desired.gpus[0].instances.push_back({name, {name}, placed.placement, {}});
    }
    const auto enable = mig::planner::plan(testing::inventory({on.gpu}), on.desired, {});
    ASSERT_TRUE(enable) << enable.error().text();
    play(on, *enable);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Boards,
    EveryBoard,
    ::testing::Values("a100_sxm4_40gb", "a30_24gb", "h200_141gb", "rtx_pro_6000_server"),
    [](const auto& param) { return param.param; });

}  // namespace
}  // namespace mig::planner
