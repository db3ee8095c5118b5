// SPDX-License-Identifier: Apache-2.0
#include "cli/render_isolation.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

using isolation::Cell;
using isolation::Estimate;
using isolation::Finding;
using isolation::ModeReport;
using isolation::Sample;

constexpr std::size_t kLongestWhy = 110;

std::size_t lived(const Cell& cell) {
  return static_cast<std::size_t>(std::count_if(
      cell.samples.begin(), cell.samples.end(), [](const Sample& one) { return one.lived; }));
}

std::string estimate_text(const std::optional<Estimate>& estimate) {
  if (!estimate) {
    return "-";
  }
  return estimate->low && estimate->high
             ? fmt::format(
                   "{:.3f} ({:.3f}..{:.3f})", estimate->value, *estimate->low, *estimate->high)
             : fmt::format("{:.3f}", estimate->value);
}

// Median over the samples of completed runs.
std::optional<double> median(const std::vector<Sample>& samples, double Sample::*part) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    if (sample.lived) {
      values.push_back(sample.*part);
    }
  }
  if (values.empty()) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string ms_text(const std::optional<double>& ms) {
  return ms ? fmt::format("{:.2f}", *ms) : "-";
}

std::string caps_text(const isolation::MpsCaps& caps) {
  return fmt::format(
      "  limits, asked / got: {} of {} SMs / {} (at {} %); {} MiB / {} MiB free, {} beyond\n",
      caps.sm_asked,
      caps.sm_total,
      caps.sm_got ? std::to_string(*caps.sm_got) : "?",
      caps.percentage,
      caps.memory_asked_mib,
      caps.memory_free_mib ? std::to_string(*caps.memory_free_mib) : "?",
      !caps.refused_beyond   ? "not known"
      : *caps.refused_beyond ? "refused"
                             : "GRANTED");
}

Style style_of(Finding finding) {
  switch (finding) {
    case Finding::kIsolated:
      return Style::kGreen;
    case Finding::kKilled:
      return Style::kRed;
    case Finding::kSlowed:
      return Style::kYellow;
    case Finding::kUndecided:
      break;
  }
  return Style::kDim;
}

std::string mode_text(const ModeReport& mode, const Paint& paint) {
  std::string text =
      "\n" + paint(Style::kBold, name_of(mode.sharing)) + ": " + meaning_of(mode.sharing) + "\n";
  if (!mode.skipped.empty()) {
    return text + "  not run: " + mode.skipped + "\n";
  }
  text += fmt::format("  on        {}\n  victim    {}\n  neighbour {}\n",
                      mode.victim.board,
                      mode.victim.label,
                      mode.neighbour.label);
  if (mode.caps) {
    text += caps_text(*mode.caps);
  }
  if (const auto speed = median(mode.alone, &Sample::steps_per_second)) {
    text += fmt::format("  alone     {:.1f} steps/s, step p50 {} ms, p99 {} ms\n",
                        *speed,
                        ms_text(median(mode.alone, &Sample::step_ms_p50)),
                        ms_text(median(mode.alone, &Sample::step_ms_p99)));
  }
  Table table({{"NEIGHBOUR"},
               {"LIVED", true},
               {"SPEED KEPT"},
               {"P50 MS", true},
               {"P99 MS", true},
               {"VERDICT"}});
  for (const Cell& cell : mode.cells) {
    table.row({cell.neighbour,
               fmt::format("{}/{}", lived(cell), cell.samples.size()),
               estimate_text(cell.verdict.share),
               ms_text(median(cell.samples, &Sample::step_ms_p50)),
               ms_text(median(cell.samples, &Sample::step_ms_p99)),
               paint(style_of(cell.verdict.finding), verdict_text(cell))});
  }
  return text + table.draw(paint);
}

}  // namespace

const char* meaning_of(isolation::Sharing sharing) {
  switch (sharing) {
    case isolation::Sharing::kMig:
      return "two GPU instances of one GPU";
    case isolation::Sharing::kComputeInstances:
      return "two compute instances of one GPU instance";
    case isolation::Sharing::kTimeSlicing:
      return "two processes on one device, nothing else";
    case isolation::Sharing::kMps:
      return "two clients of one MPS server";
    case isolation::Sharing::kMpsLimits:
      break;
  }
  return "two clients of one MPS server, each with a limit of SMs and memory";
}

std::string verdict_text(const Cell& cell) {
  const isolation::Verdict& verdict = cell.verdict;
  std::string text;
  switch (verdict.finding) {
    case Finding::kIsolated:
      text = "isolated";
      break;
    case Finding::kSlowed:
      text = fmt::format("slowed by {:.0f} % ({:.0f}..{:.0f})",
                         100 * (1 - verdict.share->value),
                         100 * (1 - *verdict.share->high),
                         100 * (1 - *verdict.share->low));
      break;
    case Finding::kKilled:
      text = fmt::format("KILLED, {} of {}: {}",
                         cell.samples.size() - lived(cell),
                         cell.samples.size(),
                         verdict.why.substr(0, kLongestWhy));
      break;
    case Finding::kUndecided:
      return "not decided: " + verdict.why.substr(0, kLongestWhy);
  }
  if (verdict.long_tail) {
    text += fmt::format("; p99 x{:.1f}", verdict.p99_factor->value);
  }
  return text;
}

std::string isolation_text(const isolation::Report& report,
                           const wire::Source& source,
                           const Paint& paint) {
  const std::string mark = simulated_mark(source);
  std::string text = fmt::format("{}{}isolation, {} of {:g} s\nvictim: {}\n",
                                 mark,
                                 mark.empty() ? "" : ": ",
                                 base::counted(report.rounds, "round"),
                                 report.seconds,
                                 report.victim);
  if (report.stopped) {
    text += "stopped before all rounds were done\n";
  }
  for (const ModeReport& mode : report.modes) {
    text += mode_text(mode, paint);
  }
  text += fmt::format(
      "\nSpeed kept: of the speed alone in the same round; geometric mean and {:.0f} %\n"
      "interval by Student's t. Isolated: the whole interval keeps {:.0f} %. Each row stands\n"
      "for itself: of many rows a few are wrong by chance. A p99 is named when it surely\n"
      "grew by more than {:.0f} %.\n{}\n{}\n",
      100 * report.criteria.confidence,
      100 * (1 - report.criteria.margin),
      100 * (report.criteria.tail_factor - 1),
      isolation::out_of_memory_note(),
      isolation::not_covered_note());
  if (source.simulated) {
    text += "A simulated device shows the simulator's model of sharing, not hardware.\n";
  }
  return text;
}

}  // namespace mig::cli
