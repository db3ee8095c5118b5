// SPDX-License-Identifier: Apache-2.0
#include "cli/render_outcome.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/render_plan.h"
#include "cli/strip_scale.h"
#include "model/strip.h"

namespace mig::cli {
namespace {

// A failed step's code is the driver's or the check's; kRolledBack itself means a stop request.
std::string why(const ApplyResult& result) {
  return result.failure && result.failure->code == ErrorCode::kRolledBack ? "stopped on request"
                                                                          : "a step failed";
}

std::string headline(const ApplyResult& result, const Paint& paint) {
  double milliseconds = 0;
  std::size_t done = 0;
  for (const auto& step : result.steps) {
    milliseconds += step.milliseconds;
    done += step.done ? 1 : 0;
  }
  switch (result.outcome) {
    case Outcome::kUnchanged:
      return "Nothing to do: the machine is as wanted.";
    case Outcome::kApplied:
      if (result.failure && result.failure->code == ErrorCode::kResetRequired) {
        return paint(Style::kYellow, "Pending") +
               fmt::format(": {} done, and a reset or reboot must complete the change.",
                           base::counted(done, "step"));
      }
      return paint(Style::kGreen, "Applied") + fmt::format(" and verified: {} in {}.",
                                                           base::counted(done, "step"),
                                                           seconds_text(milliseconds));
    case Outcome::kRolledBack:
      return paint(Style::kYellow, "Rolled back") + ": " + why(result) +
             "; the machine is as before.";
    case Outcome::kStuck:
      return paint(Style::kRed, "Stuck") + ": " + why(result) +
             ", and what was done could not be undone.";
  }
  return {};
}

// After a failure: steps done, undone, and not reached.
std::string step_states(const ApplyResult& result) {
  std::string out;
  for (const auto& report : result.steps) {
    out += fmt::format("  {:<9} {}\n",
                       report.undone ? "undone"
                       : report.done ? "done"
                                     : "not done",
                       report.step.str());
  }
  return out;
}

}  // namespace

std::string render_outcome(const Plan& plan,
                           const ApplyResult& result,
                           const wire::Source& source,
                           const Paint& paint) {
  std::string out = simulated_mark(source);
  if (!out.empty()) {
    out = paint(Style::kYellow, out) + ": ";
  }
  out += headline(result, paint) + "\n";
  if (result.failure) {
    out += step_states(result);
  }
  StripScale scale;
  for (const auto& gpu : plan.gpus) {
    if (const Gpu* now = result.after.find_gpu(gpu.uuid)) {
      scale.include(layout_of(*now));
    }
  }
  for (const auto& gpu : plan.gpus) {
    if (const Gpu* now = result.after.find_gpu(gpu.uuid)) {
      out += scale.draw(layout_of(*now), fmt::format("  GPU {}  ", now->index.value), false, paint);
    }
  }
  return out;
}

}  // namespace mig::cli
