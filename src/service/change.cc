// SPDX-License-Identifier: Apache-2.0
#include "service/change.h"

#include <algorithm>
#include <utility>

#include "apply/preflight.h"
#include "base/clock.h"
#include "service/hooked_change.h"
#include "service/migrate.h"

namespace mig::service {

Plan mode_only_plan(Plan plan) {
  node::ApplyOptions options;
  options.mode_only = true;
  plan.steps = apply::selected_steps(plan, options);
  plan.estimated_ms = 0;
  for (const auto& step : plan.steps) {
    plan.estimated_ms += step.estimated_ms;
  }
  for (auto& gpu : plan.gpus) {
    gpu.created.clear();
    gpu.after.cells.clear();
    if (gpu.after.mode != MigMode::kEnabled) {
      continue;  // MIG is being disabled: destroyed instances are not recreated
    }
    gpu.kept = gpu.after.cells = gpu.before.cells;
    gpu.destroyed.clear();
    std::erase_if(gpu.blockers,
                  [](const Blocker& blocker) { return blocker.stops == Blocker::Stops::kDestroy; });
  }
  return plan;
}

namespace {

class ChangeLoop {
 public:
  ChangeLoop(node::Node& node,
             const Wish& wish,
             const ChangeOptions& options,
             ChangeObserver& observer)
      : node_(node), wish_(wish), options_(options), observer_(observer) {}

  Result<Changed> run() {
    const auto layout = [this] { return options_.hooks ? with_hooks() : clear_and_apply(); };
    if (options_.migrate_hook.empty()) {
      return options_.dry_run ? dry_run() : layout();
    }
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, desired_layout());
    if (options_.dry_run) {
      MIG_ASSIGN_OR_RETURN(const auto lines, describe_moves(node_, desired));
      for (const std::string& line : lines) {
        observer_.note(line);
      }
      return dry_run();
    }
    MigrateOptions moves;
    moves.hook = options_.migrate_hook;
    moves.drain = options_.drain.value_or(moves.drain);
    moves.tell = [this](const std::string& line) { observer_.note(line); };
    moves.apply = [this](const Plan& plan, const std::string& reason, bool to_the_end) {
      return carry_out(plan, {options_.command, reason, node::Cause::kMigrate}, to_the_end);
    };
    moves.layout = layout;
    moves.stop = options_.stop;
    return move_work(node_, desired, moves, base::system_clock());
  }

 private:
  Result<Plan> plan(bool around) {
    MIG_ASSIGN_OR_RETURN(Plan made, wish_.plan(node_, around));
    return options_.mode_only ? mode_only_plan(std::move(made)) : std::move(made);
  }

  Result<Changed> dry_run() {
    MIG_ASSIGN_OR_RETURN(Plan made, plan(true));
    return Changed{std::move(made), std::nullopt};
  }

  Result<DesiredLayout> desired_layout() {
    if (!wish_.layout) {
      return fail(ErrorCode::kUsage, "work is moved out of the way of a whole layout only");
    }
    MIG_ASSIGN_OR_RETURN(const Inventory now, node_.inventory());
    return wish_.layout(now);
  }

  Result<node::ApplyResult> carry_out(const Plan& made,
                                      const apply::ChangeOrigin& origin,
                                      bool to_the_end) {
    const std::shared_ptr<void> guarded = observer_.guard();
    node::ApplyOptions settings;
    settings.allow_reset = options_.allow_reset;
    settings.mode_only = options_.mode_only;
    settings.origin = origin;
    settings.stop = to_the_end ? nullptr : options_.stop;
    settings.heartbeat = [this] { observer_.alive(); };
    settings.progress = [this](const Step& step, std::size_t index, std::size_t of, bool done) {
      observer_.step(step, index, of, done);
    };
    observer_.steps_begin(apply::selected_steps(made, settings));
    auto applied = node_.apply(made, settings);
    observer_.steps_end(applied && !applied->failure);
    return applied;
  }

  // The layout change: executed once there are no blockers or --wait is over; planned again after
  // each race with a new process.
  Result<Changed> clear_and_apply() {
    WayOptions way_options;
    way_options.wait = options_.wait;
    way_options.evict = options_.evict;
    way_options.evict_hook = options_.evict_hook;
    way_options.saved_plan = wish_.saved_plan;
    way_options.tell = [this](const std::string& line) { observer_.note(line); };
    way_options.stop = options_.stop;
    ClearWay way(node_, way_options, base::system_clock());
    const auto make = [this] { return plan(true); };
    for (;;) {
      MIG_ASSIGN_OR_RETURN(Plan made, way.plan(make));
      observer_.planned(made);
      auto applied = carry_out(
          made, {options_.command, options_.reason, wish_.cause, options_.made_for}, false);
      if (applied) {
        observer_.outcome(made, *applied);
        return Changed{std::move(made), *std::move(applied)};
      }
      if (!way.again(applied.error(), made)) {
        return std::move(applied).error();
      }
    }
  }

  Result<Changed> with_hooks() {
    Changed done;
    launch::AfterDeath after_death;
    HookedChange hooked{*options_.hooks, {options_.hook_variables}, options_.mode_only, {}, {}, {}};
    hooked.after_death = &after_death;
    hooked.run.stop = options_.stop;
    const auto exit_hooks = [&hooked] { static_cast<void>(apply_exit(hooked)); };
    hooked.plan = [&](bool around) {
      const std::shared_ptr<void> promised = observer_.promise(exit_hooks);
      return plan(around);
    };
    // Planned again there, on the same reading: a blocker may end during the wait.
    hooked.carry_out = [&](const Plan&) -> Result<int> {
      const std::shared_ptr<void> promised = observer_.promise(exit_hooks);
      MIG_ASSIGN_OR_RETURN(done, clear_and_apply());
      const bool enough = went_well(*done.result) ||
                          (options_.pending_will_do && only_waits_for_reset(*done.result));
      return enough ? 0 : 1;
    };
    hooked.printed = [this](std::string_view list, const std::string& output, bool failed) {
      node_.forget();  // hooks may change the machine
      observer_.hooks_ran(list, output, failed);
    };
    MIG_TRY(change_with_hooks(hooked));
    return done;
  }

  node::Node& node_;
  const Wish& wish_;
  const ChangeOptions& options_;
  ChangeObserver& observer_;
};

}  // namespace

bool only_waits_for_reset(const node::ApplyResult& result) {
  return result.outcome == node::Outcome::kApplied && result.failure &&
         result.failure->code == ErrorCode::kResetRequired &&
         std::all_of(result.steps.begin(), result.steps.end(), [](const auto& report) {
           return report.done || report.step.kind == StepKind::kResetGpu;
         });
}

Wish wish_layout(Wish::Layout layout, node::Cause cause) {
  Wish wish;
  wish.cause = cause;
  wish.plan = [layout](node::Node& node, bool around) -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, layout(now));
    return node.plan(desired, around);
  };
  wish.layout = std::move(layout);
  return wish;
}

Wish wish_saved(Plan plan) {
  Wish wish;
  wish.saved_plan = true;
  wish.plan = [plan = std::move(plan)](node::Node& node, bool) -> Result<Plan> {
    Plan now = plan;
    MIG_TRY(node.refresh_blockers(now));
    return now;
  };
  return wish;
}

Wish wish_create(node::Node::CreateRequest request) {
  return {node::Cause::kCreate, [request = std::move(request)](node::Node& node, bool) {
            return node.plan_create(request);
          }};
}

Wish wish_destroy(node::Node::DestroyRequest request) {
  return {node::Cause::kDestroy,
          [request](node::Node& node, bool) { return node.plan_destroy(request); }};
}

Wish wish_mode(std::vector<GpuIndex> gpus, bool enable) {
  return {node::Cause::kMode, [gpus = std::move(gpus), enable](node::Node& node, bool) {
            return node.plan_mode(gpus, enable);
          }};
}

Wish wish_undo(std::optional<std::int64_t> change) {
  return {node::Cause::kUndo, [change](node::Node& node, bool) { return node.plan_undo(change); }};
}

Wish wish_last_good() {
  return {node::Cause::kRestore, [](node::Node& node, bool) { return node.plan_last_good(); }};
}

Result<Changed> change(node::Node& node,
                       const Wish& wish,
                       const ChangeOptions& options,
                       ChangeObserver& observer) {
  return ChangeLoop(node, wish, options, observer).run();
}

}  // namespace mig::service
