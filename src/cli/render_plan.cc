// SPDX-License-Identifier: Apache-2.0
#include "cli/render_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/strip_scale.h"

namespace mig::cli {
namespace {

// Compute instances of a cell: " (14 SMs)", " (2 x 1c.2g.20gb of 16 SMs)"; "" if unknown.
std::string inside(const LayoutCell& cell) {
  if (cell.computes.empty()) {
    return "";
  }
  if (cell.computes.size() == 1 && cell.computes[0].profile == cell.profile) {
    return cell.computes[0].sm ? fmt::format(" ({} SMs)", *cell.computes[0].sm) : "";
  }
  std::vector<std::pair<CellCompute, std::size_t>> counts;
  for (const CellCompute& compute : cell.computes) {
    const auto same = std::find_if(
        counts.begin(), counts.end(), [&](const auto& one) { return one.first == compute; });
    if (same == counts.end()) {
      counts.emplace_back(compute, 1);
    } else {
      ++same->second;
    }
  }
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [compute, count] : counts) {
    parts.push_back(fmt::format("{} x {}{}",
                                count,
                                compute.profile.str(),
                                compute.sm ? fmt::format(" of {} SMs", *compute.sm) : ""));
  }
  return fmt::format(" ({})", base::join(parts, ", "));
}

// Lines such as "2 x 1g.5gb (14 SMs) at slots 0, 1".
std::vector<std::string> cell_lines(const std::vector<LayoutCell>& cells) {
  struct Group {
    std::string profile;
    std::vector<std::string> places;
  };

  std::vector<Group> groups;
  for (const auto& cell : cells) {
    const std::string name = cell.profile.str() + inside(cell);
    auto group = std::find_if(
        groups.begin(), groups.end(), [&](const Group& other) { return other.profile == name; });
    if (group == groups.end()) {
      group = groups.insert(groups.end(), Group{name, {}});
    }
    group->places.push_back(slot_range(cell.placement) + (cell.busy ? " (in use)" : ""));
  }
  std::vector<std::string> lines;
  for (const auto& group : groups) {
    const std::string places = base::join(group.places, ", ");
    const bool one = places.find_first_of(",-") == std::string::npos;
    lines.push_back(fmt::format(
        "{} x {} at {} {}", group.places.size(), group.profile, one ? "slot" : "slots", places));
  }
  return lines;
}

// Wraps at blanks to 80 columns after `before` columns; continuation lines are indented by two
// more.
std::string broken(const std::string& text, std::size_t before) {
  const std::size_t room = 79 - before;
  std::string out;
  std::size_t column = 0;
  for (const auto& word : base::split(text, ' ')) {
    if (column != 0) {
      const bool next_line = column + 1 + word.size() > room;
      out += next_line ? "\n" + std::string(before + 2, ' ') : " ";
      column = next_line ? 2 : column + 1;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string cells_block(std::string_view verb,
                        Style style,
                        const std::vector<LayoutCell>& cells,
                        const Paint& paint) {
  std::string out;
  for (const auto& line : cell_lines(cells)) {
    out += "  " + paint(style, fmt::format("{:<8}", verb)) + broken(line, 10) + "\n";
  }
  return out;
}

StripScale scale_of(const Plan& plan) {
  StripScale scale;
  for (const auto& gpu : plan.gpus) {
    scale.include(gpu.before);
    scale.include(gpu.after);
  }
  return scale;
}

bool touched(const Plan& plan, const GpuPlan& gpu) {
  return gpu.changes() || std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
           return step.gpu == gpu.gpu;
         });
}

std::string gpu_block(const Plan& plan,
                      const GpuPlan& gpu,
                      const StripScale& scale,
                      const Paint& paint) {
  std::string out =
      "\n" + paint(Style::kBold, fmt::format("GPU {}  {}", gpu.gpu.value, gpu.name)) + "\n";
  if (!touched(plan, gpu)) {
    out += scale.draw(gpu.before, "  as is   ", true, paint);
    return out;
  }
  const bool ruler_first = gpu.before.mode == MigMode::kEnabled;
  out += scale.draw(gpu.before, "  before  ", ruler_first, paint);
  out += scale.draw(gpu.after, "  after   ", !ruler_first, paint);
  out += cells_block("keep", Style::kDim, gpu.kept, paint);
  out += cells_block("destroy", Style::kRed, gpu.destroyed, paint);
  out += cells_block("create", Style::kGreen, gpu.created, paint);
  for (const auto& blocker : gpu.blockers) {
    out += "  " + paint(Style::kRed, "BLOCKED ") + blocker.what + "\n";
  }
  return out;
}

std::string step_lines(const Plan& plan, const Paint& paint) {
  std::string out = "\n" +
                    paint(Style::kBold,
                          fmt::format("{}, about {}",
                                      base::counted(plan.steps.size(), "step"),
                                      seconds_text(plan.estimated_ms))) +
                    "\n";
  std::size_t number = 0;
  for (const auto& step : plan.steps) {
    out += fmt::format("{:>4}. {}\n", ++number, broken(step.str(), 6));
  }
  return out;
}

// Lines such as "room kept on GPU 0 for 2 x 2g.10gb at slots 2-3, 4-5".
std::string room_lines(const Plan& plan, const Paint& paint) {
  std::map<GpuIndex, std::vector<LayoutCell>> by_gpu;
  for (const auto& room : plan.kept_room) {
    by_gpu[room.gpu].push_back({room.profile, room.placement, false});
  }
  std::string out = by_gpu.empty() ? "" : "\n";
  for (const auto& [gpu, cells] : by_gpu) {
    for (const auto& line : cell_lines(cells)) {
      out += paint(Style::kDim, fmt::format("room kept on GPU {} for ", gpu.value)) + line + "\n";
    }
  }
  return out;
}

}  // namespace

std::string seconds_text(double milliseconds) {
  if (milliseconds < 100) {
    return fmt::format("{:.0f} ms", milliseconds);
  }
  if (milliseconds < 10000) {
    return fmt::format("{:.1f} s", milliseconds / 1000);
  }
  return fmt::format("{:.0f} s", milliseconds / 1000);
}

std::string render_plan(const Plan& plan, const wire::Source& source, const Paint& paint) {
  std::string out = simulated_mark(source);
  if (!out.empty()) {
    out = paint(Style::kYellow, out) + ": ";
  }
  out += "plan";
  if (!plan.label.empty()) {
    out += fmt::format(" for layout \"{}\"", plan.label);
  }
  out += "\n";
  const StripScale scale = scale_of(plan);
  for (const auto& gpu : plan.gpus) {
    out += gpu_block(plan, gpu, scale, paint);
  }
  out += plan.empty() ? "\nNothing to do: the machine is as wanted.\n" : step_lines(plan, paint);
  out += room_lines(plan, paint);
  for (const auto& warning : plan.warnings) {
    out += paint(Style::kYellow, "warning:") + " " + warning + "\n";
  }
  return out;
}

Error blocked_error(const Plan& plan) {
  std::vector<std::string> reasons;
  for (const auto& gpu : plan.gpus) {
    for (const auto& blocker : gpu.blockers) {
      reasons.push_back(blocker.what);
    }
  }
  std::string message = reasons.empty() ? "the plan is blocked" : "the plan cannot run now: ";
  constexpr std::size_t kShown = 4;
  const std::size_t shown = std::min(reasons.size(), kShown);
  message +=
      base::join({reasons.begin(), reasons.begin() + static_cast<std::ptrdiff_t>(shown)}, "; ");
  if (reasons.size() > shown) {
    message += fmt::format("; and {} more", reasons.size() - shown);
  }
  return Error{ErrorCode::kInUse,
               std::move(message),
               "end those processes, or wait for them, then try again",
               {},
               {}};
}

}  // namespace mig::cli
