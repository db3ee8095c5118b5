// SPDX-License-Identifier: Apache-2.0
#include "manager_walk.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "apply/apply.h"
#include "apply/journal_recorder.h"
#include "apply/runtime.h"
#include "base/clock.h"
#include "device/inventory_reader.h"
#include "driver_walk.h"
#include "store/journal.h"

namespace mig::property {
namespace {

std::string instances_text(const Gpu& gpu) {
  std::string out;
  for (const GpuInstance& gi : gpu.instances) {
    out += fmt::format(
        " {}:{}@{}:{}[", gi.id.value, gi.profile_id.value, gi.placement.start, gi.placement.size);
    for (const ComputeInstance& ci : gi.compute_instances) {
      const Placement at = ci.placement.value_or(Placement{99, 99});
      out += fmt::format(" {}:{}@{}:{}", ci.id.value, ci.nvml_profile, at.start, at.size);
    }
    out += "]";
  }
  return out;
}

std::string instances_text(const GpuShot& gpu) {
  std::vector<GiShot> sorted = gpu.instances;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::string out;
  for (const GiShot& gi : sorted) {
    out += fmt::format(" {}:{}@{}:{}[", gi.id, gi.profile_id, gi.start, gi.size);
    for (const CiShot& ci : gi.computes) {
      out += fmt::format(" {}:{}@{}:{}", ci.id, ci.profile, ci.start, ci.size);
    }
    out += "]";
  }
  return out;
}

using Place = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

std::set<Place> processes_of(const Gpu& gpu) {
  std::set<Place> out;
  for (const Process& process : gpu.processes) {
    out.insert({process.pid,
                process.gpu_instance ? process.gpu_instance->value : migsim::kNone,
                process.compute_instance ? process.compute_instance->value : migsim::kNone});
  }
  return out;
}

std::set<Place> processes_of(const Shot& shot, std::uint32_t gpu) {
  std::set<Place> out;
  for (const ProcessShot& process : shot.processes) {
    if (process.gpu == gpu) {
      out.insert({static_cast<std::uint32_t>(process.pid), process.gi, process.ci});
    }
  }
  return out;
}

bool is_on(MigMode mode) {
  return mode == MigMode::kEnabled;
}

DesiredInstance wish_for(const GpuInstance& instance) {
  DesiredInstance out;
  out.profile = instance.name;
  for (const ComputeInstance& compute : instance.compute_instances) {
    out.compute_instances.push_back(compute.name);
  }
  return out;
}

std::string cells_text(const std::vector<LayoutCell>& cells) {
  std::set<std::string> out;
  for (const LayoutCell& cell : cells) {
    out.insert(fmt::format("{}@{}", cell.profile.str(), cell.placement.start));
  }
  return fmt::format("{}", fmt::join(out, " "));
}

std::string cells_text(const BoardFacts& board, const GpuShot& gpu) {
  std::set<std::string> out;
  for (const GiShot& gi : gpu.instances) {
    for (const ProfileFacts& profile : board.profiles) {
      if (profile.id == static_cast<int>(gi.profile_id)) {
        out.insert(fmt::format("{}@{}", profile.name, gi.start));
      }
    }
  }
  return fmt::format("{}", fmt::join(out, " "));
}

}  // namespace

std::string difference(const Inventory& inventory, const Shot& shot) {
  for (std::uint32_t i = 0; i < shot.gpus.size(); ++i) {
    const Gpu* gpu = inventory.find_gpu(GpuIndex{i});
    if ((gpu == nullptr) != shot.gpus[i].lost) {
      return fmt::format("GPU {} is {}", i, gpu == nullptr ? "not shown" : "shown though lost");
    }
    if (gpu == nullptr) {
      continue;
    }
    if (is_on(gpu->mig_current) != shot.gpus[i].current ||
        is_on(gpu->mig_pending) != shot.gpus[i].pending) {
      return fmt::format("GPU {}: another mode", i);
    }
    if (instances_text(*gpu) != instances_text(shot.gpus[i])) {
      return fmt::format(
          "GPU {}: read{} but there is{}", i, instances_text(*gpu), instances_text(shot.gpus[i]));
    }
    if (processes_of(*gpu) != processes_of(shot, i)) {
      return fmt::format("GPU {}: other processes are read than there are", i);
    }
  }
  return {};
}

std::string ManagerWalk::compare() {
  world_.clear_faults();
  const Shot shot = world_.look();
  const auto read = world_.node().inventory();
  if (!read) {
    return "no inventory: " + read.error().text();
  }
  ++tally_.inventories;
  return difference(*read, shot);
}

Result<Plan> ManagerWalk::plan_create(const Inventory& now) {
  const Gpu& gpu = random_.of(now.gpus);
  node::Node::CreateRequest request{gpu.index, {}};
  for (std::size_t more = 1 + random_.below(2); more-- > 0;) {
    DesiredInstance instance;
    instance.profile = random_.of(gpu.profiles).name;
    instance.compute_instances = {instance.profile};
    request.instances.push_back(instance);
  }
  return world_.node().plan_create(request);
}

// A random layout for one GPU or for all: a reachable one, or the current one with a change.
Result<Plan> ManagerWalk::plan_layout(const Inventory& now) {
  DesiredLayout desired{"random", {}, {}};
  const bool all = random_.chance(40);
  const std::uint32_t one = random_.of(now.gpus).index.value;
  for (const Gpu& gpu : now.gpus) {
    if (!all && gpu.index.value != one) {
      continue;
    }
    DesiredGpu wanted{gpu.index, true, {}, {}};
    if (random_.chance(50)) {
      const BruteForce& brute = world_.brute(gpu.index.value);
      for (const Window& window : random_.of(brute.layouts())) {
        const auto& facts = brute.board().profiles[static_cast<std::size_t>(window.profile)];
        const ProfileName name = ProfileName::parse(facts.name).value();
        wanted.instances.push_back({name, {name}, {}, {}, {}});
      }
    } else {
      for (const GpuInstance& instance : gpu.instances) {
        if (random_.chance(75)) {
          wanted.instances.push_back(wish_for(instance));
        }
      }
      if (random_.chance(70)) {
        const ProfileName name = random_.of(gpu.profiles).name;
        wanted.instances.push_back({name, {name}, {}, {}, {}});
      }
    }
    desired.gpus.push_back(std::move(wanted));
  }
  return world_.node().plan(desired);
}

Result<Plan> ManagerWalk::random_plan() {
  node::Node& node = world_.node();
  const std::size_t dice = random_.below(100);
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  if (now.gpus.empty()) {
    return fail(ErrorCode::kDeviceLost, "every GPU is lost");
  }
  const Gpu& gpu = random_.of(now.gpus);
  if (std::any_of(
          now.gpus.begin(), now.gpus.end(), [](const Gpu& one) { return one.profiles.empty(); })) {
    return fail(ErrorCode::kDriver, "a fault hides the profiles");
  }
  if (dice < 45) {
    return plan_layout(now);
  }
  if (dice < 65) {
    return plan_create(now);
  }
  if (dice < 85) {
    node::Node::DestroyRequest request;
    request.gpu = gpu.index;
    if (!gpu.instances.empty() && random_.chance(85)) {
      const GpuInstance& instance = random_.of(gpu.instances);
      request.gpu_instance = instance.id;
      request.compute_only = random_.chance(30);
      if (request.compute_only && !instance.compute_instances.empty() && random_.chance(60)) {
        request.compute_instance = random_.of(instance.compute_instances).id;
      }
    }
    return node.plan_destroy(request);
  }
  if (dice < 93) {
    return node.plan_undo(std::nullopt);
  }
  return node.plan_mode({gpu.index}, random_.chance(75));
}

// A process starts on an instance that a step is about to destroy, just before the step (race).
void ManagerWalk::intrude(const Step& step) {
  if (step.kind != StepKind::kDestroyComputeInstance) {
    return;
  }
  const Shot shot = world_.look();
  const std::uint32_t gpu = step.gpu.value;
  const migsim::Instance at{gpu, step.gpu_instance->value, step.compute_instance->value};
  if (world_.attach(random_, at)) {
    ++tally_.intruders;
    with_intruder_ = world_.look();
  }
}

std::string ManagerWalk::check_applied(const apply::ApplyResult& result,
                                       const Plan& plan,
                                       const Shot& after) {
  if (!world_.faults_armed()) {
    if (std::string wrong = difference(result.after, after); !wrong.empty()) {
      return "what apply read at the end: " + wrong;
    }
  }
  for (const GpuPlan& gpu : plan.gpus) {
    const std::string is = cells_text(world_.board(gpu.gpu.value), after.gpus[gpu.gpu.value]);
    if (is != cells_text(gpu.after.cells)) {
      return fmt::format("applied, but GPU {} has {} and the plan said {}",
                         gpu.gpu.value,
                         is,
                         cells_text(gpu.after.cells));
    }
  }
  return {};
}

std::string ManagerWalk::judge(const Result<apply::ApplyResult>& result,
                               const Plan& plan,
                               const Shot& before,
                               const Shot& after) {
  if (std::string wrong = still_sound(world_, before, after, 0, 0); !wrong.empty()) {
    return wrong;
  }
  if (with_intruder_) {
    if (std::string wrong = still_sound(world_, *with_intruder_, after, 0, 0); !wrong.empty()) {
      return "came in between: " + wrong;
    }
  }
  const bool lost = std::any_of(
      after.gpus.begin(), after.gpus.end(), [](const GpuShot& gpu) { return gpu.lost; });
  const bool same = layout_text(before) == layout_text(after);
  if (!result) {
    ++tally_.refused;
    return same || lost ? "" : "an error says nothing was changed: " + result.error().text();
  }
  switch (result->outcome) {
    case apply::Outcome::kUnchanged:
      ++tally_.empty;
      return same ? "" : "unchanged, but the layout is another";
    case apply::Outcome::kApplied:
      ++(result->failure ? tally_.pending : tally_.applied);
      tally_.steps += result->steps.size();
      tally_.kept_busy += before.processes.size();
      return result->failure ? "" : check_applied(*result, plan, after);
    case apply::Outcome::kRolledBack:
      ++tally_.rolled_back;
      return same || lost ? ""
                          : "rolled back, but the layout is another: " + result->failure->text();
    case apply::Outcome::kStuck:
      ++tally_.stuck;
      return {};
  }
  return "no such outcome";
}

std::string ManagerWalk::change() {
  const auto plan = random_plan();
  if (!plan) {
    ++tally_.refused;
    return {};
  }
  with_intruder_.reset();
  // A process may start between the plan and its first step, or just before a later one.
  const bool early = random_.chance(7);
  const bool late = random_.chance(10);
  const bool latest = random_.chance(10);
  if (early && !plan->steps.empty()) {
    intrude(random_.of(plan->steps));
  }
  if (random_.chance(30)) {
    ++tally_.faults;
    world_.inject(random_fault(random_, world_.gpu_count()));
  }
  const Shot before = world_.look();
  base::ManualClock clock;
  apply::JournalRecorder journal(apply::places_of(world_.session()).journal(), {"random walk", ""});
  apply::Context context{world_.session(), clock, &journal};
  apply::ApplyOptions options;
  options.allow_reset = random_.chance(90);
  const Step* current = nullptr;
  bool came = false;
  options.progress = [&](const Step& step, std::size_t, std::size_t, bool done) {
    current = done ? nullptr : &step;
    if (late && !came && !done && random_.chance(50)) {
      came = true;
      intrude(step);
    }
  };
  context.heartbeat = [&] {  // after the last check of holders
    if (latest && !came && current != nullptr && random_.chance(50)) {
      came = true;
      intrude(*current);
    }
  };
  const auto result = apply::apply(context, *plan, options);
  const bool faults = world_.faults_armed();
  const Shot after = world_.look();
  std::string wrong = judge(result, *plan, before, after);
  if (wrong.empty() && result && result->outcome == apply::Outcome::kStuck && !faults && !came) {
    wrong = "stuck without a fault: " + result->failure->text();
  }
  if (wrong.empty() && random_.chance(10)) {
    auto store = store::Journal::open(apply::places_of(world_.session()).journal());
    const auto open = store ? store->open_change() : Result<std::optional<store::ChangeRow>>();
    if (!store || !open || open->has_value()) {
      wrong = "the journal is left open";
    }
  }
  if (wrong.empty()) {
    return {};
  }
  std::string steps;
  for (const Step& step : plan->steps) {
    steps += "\n  " + step.str();
  }
  return fmt::format("{}\nplan {}:{}\nbefore:\n{}after:\n{}",
                     wrong,
                     plan->label,
                     steps,
                     layout_text(before),
                     layout_text(after));
}

}  // namespace mig::property
