// SPDX-License-Identifier: Apache-2.0
#include "cli/execute.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "cli/errors.h"
#include "cli/render_outcome.h"
#include "cli/render_plan.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"
#include "service/driver_code.h"

namespace mig::cli {

std::shared_ptr<void> GuardedWords::guard() {
  const auto watchdog = std::make_shared<Watchdog>(output_, Watchdog::Over::kChange);
  watchdog_ = watchdog;
  return watchdog;
}

void GuardedWords::alive() {
  if (const auto watchdog = watchdog_.lock()) {
    watchdog->alive();
  }
}

std::shared_ptr<void> GuardedWords::promise(const std::function<void()>& work) {
  return std::make_shared<BeforeGivingUp>(work);
}

// On a terminal, a step's begin and end share one line; a log gets only the end.
class ChangeWords::ProgressLines {
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

ChangeWords::ChangeWords(Context& context) : GuardedWords(context.output()), context_(context) {}

ChangeWords::~ChangeWords() = default;

void ChangeWords::planned(const Plan& plan) {
  if (context_.globals().json) {
    return;
  }
  for (const auto& warning : plan.warnings) {
    output().message("migctl: warning: " + warning + "\n");
  }
}

void ChangeWords::note(const std::string& line) {
  output().progress("migctl: " + line + "\n");
}

void ChangeWords::steps_begin(const std::vector<Step>& steps) {
  lines_ = std::make_unique<ProgressLines>(output(), steps);
}

void ChangeWords::step(const Step& step, std::size_t index, std::size_t of, bool done) {
  lines_->step(step, index, of, done);
}

void ChangeWords::steps_end(bool success) {
  lines_->finish(success);
}

void ChangeWords::hooks_ran(std::string_view list, const std::string& output, bool failed) {
  const std::string text = fmt::format("{} hook: {}\n{}", list, failed ? "failed" : "done", output);
  failed ? context_.output().message(text) : context_.output().progress(text);
}

void ChangeWords::outcome(const Plan& plan, const node::ApplyResult& result) {
  const auto source = context_.source_or_default();
  for (const std::string& warning : result.warnings) {
    output().message("migctl: warning: " + warning + "\n");
  }
  if (context_.globals().json) {
    output().result(wire::apply_document(
        plan, result, result.failure ? service::nvml_name(*result.failure) : "", source));
    return;
  }
  output().result(render_outcome(plan, result, source, output().paint()));
  if (result.failure) {
    output().message(error_text(*result.failure, output().err_paint()));
  }
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

std::vector<ErrorCode> codes_of_layout_change(const std::vector<ErrorCode>& more) {
  std::vector<ErrorCode> codes = {ErrorCode::kInvalidInput,
                                  ErrorCode::kTooLarge,
                                  ErrorCode::kNothingMatched,
                                  ErrorCode::kNotFound,
                                  ErrorCode::kNotSupported,
                                  ErrorCode::kPermission,
                                  ErrorCode::kInUse,
                                  ErrorCode::kNoCapacity,
                                  ErrorCode::kConflict,
                                  ErrorCode::kResetRequired,
                                  ErrorCode::kTimeout,
                                  ErrorCode::kDeviceLost,
                                  ErrorCode::kNoDriver,
                                  ErrorCode::kDriver,
                                  ErrorCode::kIo,
                                  ErrorCode::kRolledBack,
                                  ErrorCode::kStuck,
                                  ErrorCode::kHook};
  codes.insert(codes.end(), more.begin(), more.end());
  std::sort(codes.begin(), codes.end(), [](ErrorCode a, ErrorCode b) {
    return error_info(a).exit_code < error_info(b).exit_code;
  });
  return codes;
}

Result<service::ChangeOptions> change_options(const Context& context,
                                              const ExecuteOptions& options) {
  service::ChangeOptions out;
  out.dry_run = options.dry_run;
  out.allow_reset = options.allow_reset;
  out.mode_only = options.mode_only;
  out.command = context.command_line;
  out.reason = options.reason;
  if (!options.dry_run) {
    MIG_TRY(options.way.read(out));
  }
  return out;
}

Result<int> execute(Context& context, const service::Wish& wish, service::ChangeOptions options) {
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
  ChangeWords words(context);
  if (options.dry_run) {
    MIG_ASSIGN_OR_RETURN(const service::Changed planned,
                         service::change(*node, wish, options, words));
    return show_plan(context, planned.plan);
  }
  const StopOnSignal stop;
  options.stop = &StopOnSignal::requested;
  MIG_ASSIGN_OR_RETURN(const service::Changed done, service::change(*node, wish, options, words));
  return exit_code_of(*done.result);
}

Result<int> execute(Context& context, const service::Wish& wish, const ExecuteOptions& options) {
  MIG_ASSIGN_OR_RETURN(service::ChangeOptions settings, change_options(context, options));
  return execute(context, wish, std::move(settings));
}

}  // namespace mig::cli
