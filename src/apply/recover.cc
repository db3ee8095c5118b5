// SPDX-License-Identifier: Apache-2.0
#include "apply/recover.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apply/executor.h"
#include "apply/journal_recorder.h"
#include "apply/layout_diff.h"
#include "apply/rollback.h"
#include "apply/runtime.h"
#include "apply/saved_layout.h"
#include "apply/settled.h"
#include "apply/step_checks.h"
#include "planner/planner.h"

namespace mig::apply {
namespace {

// A planned step with what the journal knows of it.
struct Recorded {
  Step step;
  bool attempted = false;  // a driver call may have been made
  bool undone = false;     // and was taken back, as recorded
  bool certain = true;     // every attempt has its result
  bool succeeded = false;
};

Result<std::vector<Recorded>> read_steps(store::Journal& journal, std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(const std::vector<store::StepRow> rows, journal.steps(change));
  MIG_ASSIGN_OR_RETURN(const std::vector<store::AttemptRow> attempts, journal.attempts(change));
  std::vector<Recorded> steps;
  for (const store::StepRow& row : rows) {
    Recorded recorded;
    MIG_ASSIGN_OR_RETURN(recorded.step, step_of(row));
    steps.push_back(std::move(recorded));
  }
  for (const store::AttemptRow& attempt : attempts) {
    if (attempt.sequence < 0 || attempt.sequence >= static_cast<std::int64_t>(steps.size()))
      continue;
    Recorded& recorded = steps[static_cast<std::size_t>(attempt.sequence)];
    recorded.certain = attempt.finished;
    if (attempt.direction == store::Direction::kUndo) {
      recorded.undone = attempt.finished && attempt.succeeded;
      continue;
    }
    recorded.attempted = true;
    recorded.succeeded = attempt.finished && attempt.succeeded;
    if (attempt.gpu_instance)
      recorded.step.gpu_instance = {static_cast<std::uint32_t>(*attempt.gpu_instance)};
    if (attempt.compute_instance)
      recorded.step.compute_instance = {static_cast<std::uint32_t>(*attempt.compute_instance)};
  }
  return steps;
}

class Recoverer {
 public:
  Recoverer(Context context, store::Journal& journal, const store::ChangeRow& change)
      : context_(std::move(context)),
        journal_(journal),
        change_(change),
        recorder_(journal, change.id) {
    context_.recorder = &recorder_;
  }

  Result<Recovery> run() {
    recovery_.was_open = true;
    recovery_.change = change_.id;
    recovery_.command = change_.command;
    MIG_ASSIGN_OR_RETURN(std::vector<Recorded> steps, read_steps(journal_, change_.id));
    MIG_ASSIGN_OR_RETURN(const Inventory now, read_inventory());
    MIG_ASSIGN_OR_RETURN(const Inventory before, rebuild(change_.before, now));
    const Plan plan = plan_of(steps, before);
    MIG_TRY(recorder_.begin(plan, before));
    const bool complete = std::all_of(steps.begin(), steps.end(), [](const Recorded& r) {
      return r.succeeded && !r.undone && r.certain;
    });
    Executor executor(context_, before);
    if (complete && all_hold(executor, steps)) {
      recovery_.result.outcome = Outcome::kApplied;
      recovery_.result.after = now;
    } else {
      MIG_TRY(take_back(plan, before, executor, steps));
    }
    MIG_TRY(recorder_.finish(recovery_.result));
    return std::move(recovery_);
  }

 private:
  Result<Inventory> read_inventory() {
    return read_settled(context_, [](const Inventory&) { return true; });
  }

  static Plan plan_of(const std::vector<Recorded>& steps, const Inventory& before) {
    Plan plan;
    std::set<std::string> seen;
    for (const Recorded& recorded : steps) {
      plan.steps.push_back(recorded.step);
      const Gpu* gpu = before.find_gpu(recorded.step.gpu_uuid);
      if (gpu == nullptr || !seen.insert(gpu->uuid).second)
        continue;
      GpuPlan one;
      one.gpu = gpu->index;
      one.uuid = gpu->uuid;
      one.name = gpu->name;
      plan.gpus.push_back(std::move(one));
    }
    plan.generation = plan_generation(before, plan);
    return plan;
  }

  // A destroy that the journal saw succeed needs no second look: its id may belong to a later one.
  static bool needs_look(const Recorded& recorded) {
    const bool destroys = recorded.step.kind == StepKind::kDestroyGpuInstance ||
                          recorded.step.kind == StepKind::kDestroyComputeInstance;
    return recorded.step.kind != StepKind::kResetGpu &&
           !(destroys && recorded.certain && recorded.succeeded);
  }

  bool all_hold(Executor& executor, const std::vector<Recorded>& steps) {
    return std::all_of(steps.begin(), steps.end(), [&](const Recorded& recorded) {
      if (!needs_look(recorded))
        return true;
      const auto now = executor.read(recorded.step);
      return now && holds(*now, recorded.step);
    });
  }

  // What was done, judged by the machine where the journal does not know.
  Result<void> take_back(const Plan& plan,
                         const Inventory& before,
                         Executor& executor,
                         const std::vector<Recorded>& steps) {
    for (const Recorded& recorded : steps) {
      StepReport report{recorded.step, false, false, 0};
      if (recorded.attempted && !recorded.undone) {
        MIG_ASSIGN_OR_RETURN(const device::LayoutReading now, executor.read(recorded.step));
        report.done = !needs_look(recorded) || done_on_machine(now, report.step);
      }
      recovery_.result.steps.push_back(std::move(report));
    }
    recovery_.result.failure =
        Error{ErrorCode::kRolledBack,
              fmt::format("change {} ({}) was cut short", change_.id, change_.command),
              {},
              {},
              {}};
    roll_back(context_, plan, before, executor, recovery_.result);
    if (recovery_.result.outcome == Outcome::kStuck)
      rebuild_lost(plan, before, executor);
    return {};
  }

  // The call of a create may have been made without its ids being recorded.
  static bool done_on_machine(const device::LayoutReading& now, Step& step) {
    if (const GpuInstance* instance = find_gpu_instance(now, step); instance != nullptr) {
      if (step.kind == StepKind::kCreateGpuInstance)
        step.gpu_instance = instance->id;
      if (step.kind == StepKind::kCreateComputeInstance && !step.compute_instance)
        for (const ComputeInstance& compute : instance->compute_instances)
          if (compute.name == step.profile &&
              (!step.ci_placement || compute.placement == step.ci_placement)) {
            step.gpu_instance = instance->id;
            step.compute_instance = compute.id;
          }
    }
    if (step.kind == StepKind::kCreateComputeInstance && !step.compute_instance)
      return false;
    return holds(now, step);
  }

  // A reboot or reset took instances that no step of the change touched: make them again at their
  // places. Planned like any layout, so that what runs by now is not disturbed.
  void rebuild_lost(const Plan& plan, const Inventory& before, Executor& executor) {
    auto now = read_inventory();
    auto wish = now ? wish_of(change_.before, *now) : Result<DesiredLayout>(now.error());
    auto again = wish ? planner::plan(*now, *wish, {}) : Result<Plan>(wish.error());
    if (!again || again->blocked())
      return;
    for (std::size_t i = 0; i < again->steps.size(); ++i) {
      Step step = again->steps[i];
      const StepResult done = executor.run(step, plan.steps.size() + i, Direction::kUndo);
      if (done.failure)
        return;
    }
    auto after = read_inventory();
    if (!after || !layout_diff(plan, before, *after).empty())
      return;
    recovery_.rebuilt = true;
    recovery_.result.outcome = Outcome::kRolledBack;
    recovery_.result.failure =
        Error{ErrorCode::kRolledBack,
              fmt::format("change {} ({}) was cut short, and a reset or reboot had emptied the GPU",
                          change_.id,
                          change_.command),
              {},
              {},
              {}};
    recovery_.result.after = *std::move(after);
  }

  Context context_;
  store::Journal& journal_;
  const store::ChangeRow& change_;
  JournalRecorder recorder_;
  Recovery recovery_;
};

}  // namespace

Result<Recovery> recover(const Context& context, store::Journal& journal) {
  std::string path = context.lock_path;
  if (path.empty()) {
    MIG_ASSIGN_OR_RETURN(const std::string dir, runtime_dir(context.session));
    path = dir + "/writer.lock";
  }
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, lock_writer(path, context.clock, "recover"));
  MIG_TRY(journal.check());
  MIG_ASSIGN_OR_RETURN(const std::optional<store::ChangeRow> open, journal.open_change());
  if (!open)
    return Recovery{};
  return Recoverer(context, journal, *open).run();
}

}  // namespace mig::apply
