// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/render_plan.h"
#include "model/strip.h"

namespace mig::cli {
namespace {

std::string headline(const service::ApplyResult& result, const Paint& paint) {
  double milliseconds = 0;
  std::size_t done = 0;
  for (const auto& step : result.steps) {
    milliseconds += step.milliseconds;
    done += step.done ? 1 : 0;
  }
  switch (result.outcome) {
    case service::Outcome::kUnchanged:
      return "Nothing to do: the machine is as wanted.";
    case service::Outcome::kApplied:
      return paint(Style::kGreen, "Applied") + fmt::format(" and verified: {} in {}.",
                                                           base::counted(done, "step"),
                                                           seconds_text(milliseconds));
    case service::Outcome::kRolledBack:
      return paint(Style::kYellow, "Rolled back") + ": a step failed; the machine is as before.";
    case service::Outcome::kStuck:
      return paint(Style::kRed, "Stuck") + ": a step failed and could not be undone.";
  }
  return {};
}

// After a failure: what was done, what was undone, what was not reached.
std::string step_states(const service::ApplyResult& result) {
  std::string out;
  for (const auto& report : result.steps)
    out += fmt::format("  {:<9} {}\n",
                       report.undone ? "undone"
                       : report.done ? "done"
                                     : "not done",
                       report.step.str());
  return out;
}

}  // namespace

std::string render_outcome(const Plan& plan,
                           const service::ApplyResult& result,
                           const wire::Source& source,
                           const Paint& paint) {
  std::string out = simulated_mark(source);
  if (!out.empty())
    out = paint(Style::kYellow, out) + ": ";
  out += headline(result, paint) + "\n";
  if (result.failure)
    out += step_states(result);
  StripScale scale;
  for (const auto& gpu : plan.gpus)
    if (const Gpu* now = result.after.find_gpu(gpu.uuid))
      scale.include(layout_of(*now));
  for (const auto& gpu : plan.gpus)
    if (const Gpu* now = result.after.find_gpu(gpu.uuid))
      out += scale.draw(layout_of(*now), fmt::format("  GPU {}  ", now->index.value), false, paint);
  return out;
}

}  // namespace mig::cli
