// SPDX-License-Identifier: Apache-2.0
#include "cli/execute.h"

#include <utility>
#include <vector>

#include <fmt/core.h>

#include "apply/preflight.h"
#include "cli/errors.h"
#include "cli/render_outcome.h"
#include "cli/render_plan.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"
#include "service/clear_way.h"

namespace mig::cli {
namespace {

// On a terminal, a step's begin and end share one line; a log gets only the end.
class ProgressLines {
 public:
  ProgressLines(Output& output, std::vector<Step> steps)
      : output_(&output), steps_(std::move(steps)) {}

  void step(const Step& step, std::size_t index, std::size_t count, bool done) {
    skip_to(index);
    next_ = index + 1;
    const std::string text = fmt::format("[{}/{}] {}", index + 1, count, step.str());
    if (output_->err_is_terminal()) {
      output_->progress(done ? "done\n" : text + " ... ");
      open_ = !done;
    } else if (done) {
      output_->progress(text + ": done\n");
    }
  }

  // A failed step has no end event; after a success the last steps may have been skipped.
  void finish(bool success) {
    if (open_) {
      output_->progress("failed\n");
    }
    open_ = false;
    if (success) {
      skip_to(steps_.size());
    }
  }

 private:
  // Skipped steps: a reset that the driver performed by itself, or steps that wait for one.
  void skip_to(std::size_t index) {
    for (; next_ < index && next_ < steps_.size(); ++next_) {
      output_->progress(
          fmt::format("[{}/{}] {}: skipped\n", next_ + 1, steps_.size(), steps_[next_].str()));
    }
  }

  Output* output_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
  bool open_ = false;
};

int exit_code_of(const node::ApplyResult& result) {
  switch (result.outcome) {
    case node::Outcome::kUnchanged:
    case node::Outcome::kApplied:
      // Done as far as possible, but the machine waits for a reset: exit code 0 would be wrong.
      return result.failure ? error_info(result.failure->code).exit_code : 0;
    case node::Outcome::kRolledBack:
      return error_info(ErrorCode::kRolledBack).exit_code;
    case node::Outcome::kStuck:
      return error_info(ErrorCode::kStuck).exit_code;
  }
  return error_info(ErrorCode::kInternal).exit_code;
}

}  // namespace

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

int show_plan(Context& context, const Plan& plan) {
  Output& output = context.output();
  const auto source = context.source_or_default();
  output.result(context.globals().json ? wire::plan_document(plan, source)
                                       : render_plan(plan, source, output.paint()));
  if (!plan.blocked()) {
    return 0;
  }
  const Error error = blocked_error(plan);
  if (!context.globals().json) {
    output.message(error_text(error, output.err_paint()));
  }
  return error_info(error.code).exit_code;
}

Result<ApplyResult> apply_guarded(Context& context,
                                  const Plan& plan,
                                  const ExecuteOptions& options,
                                  StepProgress progress) {
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
  const StopOnSignal stop;  // a signal: complete the step, then roll back
  Watchdog watchdog(context.output(), Watchdog::Over::kChange);
  node::ApplyOptions settings;
  settings.allow_reset = options.allow_reset;
  settings.mode_only = options.mode_only;
  settings.origin = {context.command_line, options.reason};
  settings.stop = options.to_the_end ? nullptr : &StopOnSignal::requested;
  settings.heartbeat = [&] { watchdog.alive(); };
  settings.progress = std::move(progress);
  return node->apply(plan, settings);
}

Result<ApplyResult> apply_with_progress(Context& context,
                                        const Plan& plan,
                                        const ExecuteOptions& options) {
  node::ApplyOptions selection;
  selection.allow_reset = options.allow_reset;
  selection.mode_only = options.mode_only;
  ProgressLines lines(context.output(), apply::selected_steps(plan, selection));
  auto applied =
      apply_guarded(context,
                    plan,
                    options,
                    [&](const Step& step, std::size_t index, std::size_t count, bool done) {
                      lines.step(step, index, count, done);
                    });
  lines.finish(applied && !applied->failure);
  return applied;
}

namespace {

void warn(Context& context, const Plan& plan) {
  if (context.globals().json) {
    return;
  }
  for (const auto& warning : plan.warnings) {
    context.output().message("migctl: warning: " + warning + "\n");
  }
}

int tell_outcome(Context& context, const Plan& plan, const node::ApplyResult& result) {
  Output& output = context.output();
  const auto source = context.source_or_default();
  if (context.globals().json) {
    output.result(wire::apply_document(
        plan, result, result.failure ? nvml_name(*result.failure) : "", source));
  } else {
    output.result(render_outcome(plan, result, source, output.paint()));
    if (result.failure) {
      output.message(error_text(*result.failure, output.err_paint()));
    }
  }
  return exit_code_of(result);
}

}  // namespace

Result<int> execute(Context& context, const MakePlan& make, const ExecuteOptions& options) {
  const MakePlan plan_of = [&]() -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(Plan plan, make());
    return options.mode_only ? mode_only_plan(std::move(plan)) : std::move(plan);
  };
  if (options.dry_run) {
    MIG_ASSIGN_OR_RETURN(const Plan plan, plan_of());
    return show_plan(context, plan);
  }
  const StopOnSignal stop;
  service::WayOptions way_options;
  MIG_TRY(options.way.read(way_options));
  way_options.saved_plan = options.saved_plan;
  way_options.tell = [&](const std::string& line) {
    context.output().progress("migctl: " + line + "\n");
  };
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
  service::ClearWay way(*node, way_options, base::system_clock());
  way_options.stop = &StopOnSignal::requested;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const Plan plan, way.plan(plan_of));
    warn(context, plan);
    auto applied = apply_with_progress(context, plan, options);
    if (applied) {
      return tell_outcome(context, plan, *applied);
    }
    if (!way.again(applied.error(), plan)) {
      return std::move(applied).error();
    }
  }
}

}  // namespace mig::cli
