// SPDX-License-Identifier: Apache-2.0
#include "cli/execute.h"

#include <csignal>

#include <fmt/core.h>

#include "cli/errors.h"
#include "cli/render_plan.h"

namespace mig::cli {
namespace {

// A reader that goes away (`migctl apply ... | head -1`) must not kill us between two steps.
class IgnoreBrokenPipe {
 public:
  IgnoreBrokenPipe() {
    struct sigaction ignore {};

    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before_);
  }

  ~IgnoreBrokenPipe() { ::sigaction(SIGPIPE, &before_, nullptr); }

  IgnoreBrokenPipe(const IgnoreBrokenPipe&) = delete;
  IgnoreBrokenPipe& operator=(const IgnoreBrokenPipe&) = delete;
  IgnoreBrokenPipe(IgnoreBrokenPipe&&) = delete;
  IgnoreBrokenPipe& operator=(IgnoreBrokenPipe&&) = delete;

 private:
  struct sigaction before_ {};
};

service::Progress progress_to(Output& output) {
  return [&output](const Step& step, std::size_t index, std::size_t count, bool done) {
    // A terminal sees the step begin and end on one line; a log only its end.
    if (output.err_is_terminal())
      output.progress(done ? "done\n"
                           : fmt::format("[{}/{}] {} ... ", index + 1, count, step.str()));
    else if (done)
      output.progress(fmt::format("[{}/{}] {}: done\n", index + 1, count, step.str()));
  };
}

wire::ApplyReport report_of(const Plan& plan, const service::ApplyResult& result) {
  wire::ApplyReport report;
  report.outcome = outcome_text(result.outcome);
  for (const auto& step : result.steps)
    report.steps.push_back({step.step, step.done, step.undone, step.milliseconds});
  report.failure = result.failure;
  if (result.failure)
    report.failure_nvml_name = nvml_name(*result.failure);
  report.plan = plan;
  return report;
}

int exit_code_of(const service::ApplyResult& result) {
  switch (result.outcome) {
    case service::Outcome::kUnchanged:
    case service::Outcome::kApplied:
      // Done as far as it goes, but the machine waits for a reset: success would be a lie.
      return result.failure ? error_info(result.failure->code).exit_code : 0;
    case service::Outcome::kRolledBack:
      return error_info(ErrorCode::kRolledBack).exit_code;
    case service::Outcome::kStuck:
      return error_info(ErrorCode::kStuck).exit_code;
  }
  return error_info(ErrorCode::kInternal).exit_code;
}

}  // namespace

int show_plan(Context& context, const Plan& plan) {
  Output& output = context.output();
  const auto source = context.source_or_default();
  output.result(context.globals().json ? wire::plan_document(plan, source)
                                       : render_plan(plan, source, output.paint()));
  if (!plan.blocked())
    return 0;
  const Error error = blocked_error(plan);
  if (!context.globals().json)
    output.message(error_text(error, output.err_paint()));
  return error_info(error.code).exit_code;
}

Result<int> execute(Context& context, const Plan& plan, const ExecuteOptions& options) {
  if (options.dry_run)
    return show_plan(context, plan);
  Output& output = context.output();
  const auto source = context.source_or_default();
  if (!context.globals().json)
    for (const auto& warning : plan.warnings)
      output.message("migctl: warning: " + warning + "\n");
  MIG_ASSIGN_OR_RETURN(service::Service * service, context.service());
  const IgnoreBrokenPipe guard;
  const service::ApplyOptions apply{options.allow_reset, options.mode_only, progress_to(output)};
  MIG_ASSIGN_OR_RETURN(const service::ApplyResult result, service->apply(plan, apply));
  if (context.globals().json) {
    output.result(wire::apply_document(report_of(plan, result), source));
  } else {
    output.result(render_outcome(plan, result, source, output.paint()));
    if (result.failure)
      output.message(error_text(*result.failure, output.err_paint()));
  }
  return exit_code_of(result);
}

}  // namespace mig::cli
