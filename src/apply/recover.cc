// SPDX-License-Identifier: Apache-2.0
#include "apply/recover.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apply/executor.h"
#include "apply/expected.h"
#include "apply/journal_recorder.h"
#include "apply/layout_diff.h"
#include "apply/liveness.h"
#include "apply/rollback.h"
#include "apply/runtime.h"
#include "apply/saved_layout.h"
#include "apply/settled.h"
#include "apply/step_checks.h"

namespace mig::apply {
namespace {

// A planned step with its record in the journal.
struct Recorded {
  Step step;
  bool attempted = false;  // the driver call may have been made
  bool undoing = false;    // its undo had begun
  bool undone = false;     // its undo was recorded as done
  bool finished = false;   // the last attempt has a recorded result
  bool succeeded = false;
};

void add_attempt(const store::AttemptRow& attempt, Recorded& recorded) {
  if (attempt.direction == store::Direction::kUndo) {
    recorded.undoing = true;
    recorded.undone = attempt.finished && attempt.succeeded;
    return;
  }
  recorded.attempted = true;
  recorded.finished = attempt.finished;
  recorded.succeeded = attempt.finished && attempt.succeeded;
  if (attempt.gpu_instance) {
    recorded.step.gpu_instance = {static_cast<std::uint32_t>(*attempt.gpu_instance)};
  }
  if (attempt.compute_instance) {
    recorded.step.compute_instance = {static_cast<std::uint32_t>(*attempt.compute_instance)};
  }
}

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
    if (attempt.sequence >= 0 && attempt.sequence < static_cast<std::int64_t>(steps.size())) {
      add_attempt(attempt, steps[static_cast<std::size_t>(attempt.sequence)]);
    }
  }
  return steps;
}

// Finds the instance of a create whose id was not recorded, by placement.
void adopt_made(const device::LayoutReading& now, Step& step) {
  const GpuInstance* instance = find_gpu_instance(now, step);
  if (instance == nullptr) {
    return;
  }
  if (step.kind == StepKind::kCreateGpuInstance) {
    step.gpu_instance = instance->id;
  }
  if (step.kind != StepKind::kCreateComputeInstance || step.compute_instance) {
    return;
  }
  for (const ComputeInstance& compute : instance->compute_instances) {
    if (is_compute_of(compute, step)) {
      step.gpu_instance = instance->id;
      step.compute_instance = compute.id;
    }
  }
}

// False for a create that the driver refused: an instance at its placement is another program's.
bool may_have_effect(const Recorded& recorded) {
  if (!recorded.attempted || recorded.undone) {
    return false;
  }
  const Step& step = recorded.step;
  const bool known = step.kind == StepKind::kCreateGpuInstance ? step.gpu_instance.has_value()
                                                               : step.compute_instance.has_value();
  return !is_create(step.kind) || !recorded.finished || recorded.succeeded || known;
}

class Recoverer {
 public:
  Recoverer(Context context, store::Journal& journal, const store::ChangeRow& change)
      : context_(std::move(context)),
        journal_(journal),
        change_(change),
        recorder_(journal, change.id),
        listening_(context_.recorder) {
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
    if (listening_ != nullptr) {
      MIG_TRY(listening_->begin(plan, now));
    }
    if (context_.handover != nullptr) {
      MIG_TRY(context_.handover->withdraw(plan, now, true));
    }
    if (!complete(plan, before, now, steps)) {
      Executor executor(context_, before);
      MIG_TRY(take_back(plan, before, executor, steps));
    }
    renew();
    auto noted = recorder_.finish(recovery_.result);
    if (listening_ != nullptr) {
      MIG_TRY(listening_->finish(recovery_.result));
    }
    MIG_TRY(std::move(noted));
    return std::move(recovery_);
  }

 private:
  void renew() {
    if (context_.handover == nullptr) {
      return;
    }
    auto now = recovery_.result.after.gpus.empty() ? read_inventory()
                                                   : Result<Inventory>(recovery_.result.after);
    if (auto renewed = context_.handover->renew(now ? &*now : nullptr); !renewed) {
      recovery_.result.warnings.push_back(renewed.error().text());
    }
  }

  // Retries while a GPU is lost: it may come back in a moment.
  Result<Inventory> read_inventory() {
    return read_settled(context_, [](const Inventory& seen) { return seen.lost.empty(); });
  }

  static Plan plan_of(const std::vector<Recorded>& steps, const Inventory& before) {
    Plan plan;
    std::set<std::string> seen;
    for (const Recorded& recorded : steps) {
      plan.steps.push_back(recorded.step);
      const Gpu* gpu = before.find_gpu(recorded.step.gpu_uuid);
      if (gpu == nullptr || !seen.insert(gpu->uuid).second) {
        continue;
      }
      GpuPlan one;
      one.gpu = gpu->index;
      one.uuid = gpu->uuid;
      one.name = gpu->name;
      plan.gpus.push_back(std::move(one));
    }
    plan.generation = plan_generation(before, plan);
    return plan;
  }

  // True when the machine shows the effect of all steps. Missing records (the result of the last
  // call, a reset by the driver) then do not matter. A rollback that had begun is continued
  // instead.
  bool complete(const Plan& plan,
                const Inventory& before,
                const Inventory& first,
                const std::vector<Recorded>& steps) {
    if (std::any_of(steps.begin(), steps.end(), [](const Recorded& one) { return one.undoing; })) {
      return false;
    }
    const Inventory wanted = after_steps(before, plan.steps);
    const auto good = [&](const Inventory& seen) { return reached(plan, before, wanted, seen); };
    Inventory now = first;
    // A single read-back does not overrule a journal that says done: read again.
    if (!good(now) &&
        std::all_of(steps.begin(), steps.end(), [](const Recorded& r) { return r.succeeded; })) {
      if (auto settled = read_settled(context_, good)) {
        now = *std::move(settled);
      }
    }
    if (!good(now)) {
      return false;
    }
    for (const Difference& extra : layout_diff(plan, wanted, now)) {
      recovery_.result.others.push_back(extra.what);
    }
    recovery_.result.outcome = Outcome::kApplied;
    recovery_.result.after = std::move(now);
    return true;
  }

  // Instances of others are allowed beside; instances that the change was to destroy are not.
  static bool reached(const Plan& plan,
                      const Inventory& before,
                      const Inventory& wanted,
                      const Inventory& now) {
    const std::vector<Difference> differ = layout_diff(plan, wanted, now);
    return std::all_of(differ.begin(), differ.end(), [&](const Difference& one) {
      return one.kind == Difference::Kind::kExtra && !was_there(before, one);
    });
  }

  static bool was_there(const Inventory& before, const Difference& extra) {
    const Gpu* gpu = before.find_gpu(extra.gpu_uuid);
    if (gpu == nullptr) {
      return false;
    }
    return std::any_of(
        gpu->instances.begin(), gpu->instances.end(), [&](const GpuInstance& instance) {
          const auto& computes = instance.compute_instances;
          return instance.placement == extra.instance.placement &&
                 instance.name == extra.instance.name &&
                 (!extra.compute ||
                  std::any_of(computes.begin(), computes.end(), [&](const ComputeInstance& one) {
                    return one.name == extra.compute->name &&
                           one.placement == extra.compute->placement;
                  }));
        });
  }

  // Undoes the executed steps; where the journal does not know, the machine decides.
  Result<void> take_back(const Plan& plan,
                         const Inventory& before,
                         Executor& executor,
                         const std::vector<Recorded>& steps) {
    for (const Recorded& recorded : steps) {
      StepReport report{recorded.step, may_have_effect(recorded), false, 0};
      if (report.done && is_create(report.step.kind)) {
        const auto now = executor.read(report.step);
        const bool dead = !now && (now.error().code == ErrorCode::kDeviceLost ||
                                   now.error().code == ErrorCode::kNotFound);
        if (!now && !dead) {
          return now.error();
        }
        if (now) {
          adopt_made(*now, report.step);
        }
      }
      recovery_.result.steps.push_back(std::move(report));
    }
    recovery_.result.failure =
        Error{ErrorCode::kRolledBack,
              fmt::format("change {} ({}) was cut short", change_.id, change_.command),
              {},
              {},
              {}};
    roll_back(context_, plan, before, executor, recovery_.result, true);
    recovery_.rebuilt = recovery_.result.rebuilt;
    return {};
  }

  Context context_;
  store::Journal& journal_;
  const store::ChangeRow& change_;
  JournalRecorder recorder_;
  Recorder* listening_;  // receives begin and finish, no single calls
  Recovery recovery_;
};

}  // namespace

Result<Recovery> recover(const Context& context, store::Journal& journal) {
  MIG_ASSIGN_OR_RETURN(const std::string path, places_of(context.session).writer_lock());
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, lock_writer(path, context.clock, "recover"));
  MIG_ASSIGN_OR_RETURN(const base::FileLock of_journal, lock_journal(journal.path(), "recover"));
  MIG_TRY(journal.check());
  MIG_ASSIGN_OR_RETURN(const std::optional<store::ChangeRow> open, journal.open_change());
  if (!open) {
    return Recovery{};
  }
  return Recoverer(context, journal, *open).run();
}

}  // namespace mig::apply
