// SPDX-License-Identifier: Apache-2.0
#include "cli/render_rightsize.h"

#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"
#include "cli/period.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

using rightsize::Basis;
using rightsize::Choice;
using rightsize::Interval;
using rightsize::Prediction;
using rightsize::Report;
using rightsize::Run;
using rightsize::Verdict;

constexpr std::size_t kLongestCommand = 80;

std::string seconds_text(double seconds) {
  if (seconds < 1e-3) {
    return fmt::format("{:.1f} us", seconds * 1e6);
  }
  return seconds < 1 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} s", seconds);
}

std::string interval_text(const Interval& interval) {
  if (interval.low == interval.value && interval.high == interval.value) {
    return seconds_text(interval.value);
  }
  return fmt::format("{} ({} to {})",
                     seconds_text(interval.value),
                     seconds_text(interval.low),
                     seconds_text(interval.high));
}

std::string percent_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.0f} %", 100 * *share) : "?";
}

std::string speed_text(const Interval& speed) {
  if (speed.low == speed.high) {
    return fmt::format("{:.0f} %", 100 * speed.value);
  }
  return fmt::format(
      "{:.0f} % ({:.0f} to {:.0f})", 100 * speed.value, 100 * speed.low, 100 * speed.high);
}

std::string memory_text(const std::optional<std::uint64_t>& mib) {
  return mib ? base::gib_text(*mib) + " GiB" : "?";
}

const char* fits_text(const std::optional<bool>& fits) {
  return !fits ? "?" : *fits ? "yes" : "NO";
}

std::string head(const wire::Source& source, const std::string& what) {
  const std::string mark = simulated_mark(source);
  return fmt::format("{}{}{}\n", mark, mark.empty() ? "" : ": ", what);
}

std::string notes_text(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) {
    text += "note: " + note + "\n";
  }
  return text;
}

std::string rate_text(const Run& run) {
  if (!run.rate) {
    return "-";
  }
  const std::string noise =
      run.rate->noise > 0 ? fmt::format(" +-{:.1f} %", 100 * run.rate->noise) : "";
  return fmt::format("{:.4g}/s{}", run.rate->per_second, noise);
}

std::string runs_text(const Report& report, const Paint& paint) {
  Table table({{"MEASURED ON"},
               {"UNITS", true},
               {"BY"},
               {"MEMORY", true},
               {"BUSY", true},
               {"SM", true},
               {"DRAM", true}});
  std::string errors;
  for (const Run& run : report.runs) {
    table.row({run.place,
               rate_text(run),
               run.rate ? name_of(run.rate->source) : "-",
               memory_text(run.peak_memory_mib),
               percent_text(run.activity.busy),
               percent_text(run.activity.sm),
               percent_text(run.activity.dram)});
    if (!run.error.empty()) {
      errors += fmt::format("  {}: {}\n", run.place, run.error);
    }
    if (!run.activity.reason.empty() && errors.find(run.activity.reason) == std::string::npos &&
        run.how != rightsize::How::kGiven) {
      errors += fmt::format("  activity not known: {}\n", run.activity.reason);
    }
  }
  return table.draw(paint) + errors;
}

const char* basis_text(Basis basis) {
  switch (basis) {
    case Basis::kBetween:
      return "predicted, between";
    case Basis::kBeyond:
      return "predicted, beyond";
    case Basis::kAbove:
      return "predicted, above";
    case Basis::kMps:
      return "MPS, bounds for bandwidth";
    case Basis::kMeasured:
      break;
  }
  return "measured";
}

std::string predictions_text(const Report& report, const Paint& paint) {
  Table table({{"PROFILE"},
               {"SM", true},
               {"MEMORY", true},
               {"FITS"},
               {"TIME OF A UNIT"},
               {"SPEED KEPT"},
               {"FROM"}});
  for (const Prediction& at : report.predictions) {
    table.row({at.size.profile,
               std::to_string(at.size.sm),
               base::gib_text(at.size.memory_mib) + " GiB",
               fits_text(at.fits),
               interval_text(at.seconds),
               speed_text(at.speed),
               at.by_mps && at.basis == Basis::kMeasured ? "measured, MPS" : basis_text(at.basis)});
  }
  return table.empty() ? "" : "\n" + table.draw(paint);
}

std::string choice_text(const Choice& choice, const Paint& paint) {
  std::string advice;
  switch (choice.verdict) {
    case Verdict::kChosen:
      advice = paint(Style::kGreen, choice.profile);
      break;
    case Verdict::kUndecided:
      advice = choice.profile.empty()
                   ? paint(Style::kYellow, "undecided: measure on " + choice.measure)
                   : fmt::format("{}, {}",
                                 choice.profile,
                                 paint(Style::kYellow,
                                       fmt::format("or smaller: measure on {}", choice.measure)));
      break;
    case Verdict::kNone:
      advice = paint(Style::kRed, "none");
      break;
  }
  return fmt::format("{}: {}\n  {}\n", choice.target.text, advice, choice.why);
}

std::string checks_text(const Report& report, const Paint& paint) {
  if (report.checks.empty()) {
    return "";
  }
  Table table({{"CHECKED ON"}, {"PREDICTED"}, {"MEASURED", true}, {"OFF BY", true}, {"INSIDE"}});
  for (const rightsize::Check& check : report.checks) {
    table.row({check.profile,
               interval_text(check.predicted),
               seconds_text(check.measured),
               fmt::format("{:+.1f} %", 100 * (check.measured / check.predicted.value - 1)),
               check.inside ? "yes" : "NO"});
  }
  return "\n" + table.draw(paint);
}

std::string result_text(const rightsize::ModelRow& row) {
  if (row.out_of_memory) {
    return "OUT OF MEMORY";
  }
  if (!row.error.empty()) {
    return row.error;
  }
  return !row.fits ? "not known" : *row.fits ? "fits" : "does not fit";
}

std::string profile_text(const std::map<std::string, std::string>& by_model,
                         const std::string& model) {
  const auto at = by_model.find(model);
  return at == by_model.end() || at->second.empty() ? "none" : at->second;
}

}  // namespace

std::string rightsize_text(const Report& report, const wire::Source& source, const Paint& paint) {
  const std::string command = report.command.size() > kLongestCommand
                                  ? report.command.substr(0, kLongestCommand) + "..."
                                  : report.command;
  std::string text = head(
      source,
      fmt::format("right-sizing for {}{}{}", report.board, command.empty() ? "" : ": ", command));
  text += runs_text(report, paint);
  if (!report.host_words.empty()) {
    text += report.host_words + "\n";
  }
  text += predictions_text(report, paint);
  text += checks_text(report, paint);
  text += report.choices.empty() ? "" : "\n";
  for (const Choice& choice : report.choices) {
    text += choice_text(choice, paint);
  }
  if (!report.predictions.empty()) {
    text += fmt::format(
        "\nSpeed kept: of the whole GPU's. A profile is advised when its whole interval meets the\n"
        "target; fits: its memory holds the peak and {:.0f} % more.{}\n",
        100 * report.memory_margin,
        report.recalibrated ? " Intervals are this machine's own (--check)." : "");
  }
  text += notes_text(report.notes);
  if (source.simulated && !report.runs.empty() &&
      report.runs.front().how != rightsize::How::kGiven) {
    text += "A simulated device shows the simulator's model of a board, not hardware.\n";
  }
  return report.stopped ? text + "stopped before the end\n" : text;
}

std::string rightsize_models_text(const rightsize::ModelsReport& report,
                                  const wire::Source& source,
                                  const Paint& paint) {
  std::string text = head(source,
                          fmt::format("the course's models on {}, {}, batch {}, training with Adam",
                                      report.board,
                                      report.precision,
                                      report.batch));
  Table table({{"MODEL"},
               {"PROFILE"},
               {"RUN ON"},
               {"SAMPLES/S", true},
               {"SPEED", true},
               {"PEAK MEMORY", true},
               {"RESULT"}});
  for (const rightsize::ModelRow& row : report.rows) {
    table.row({row.model,
               row.profile,
               name_of(row.how),
               row.samples_per_second ? fmt::format("{:.0f}", *row.samples_per_second) : "-",
               percent_text(row.speed),
               memory_text(row.peak_memory_mib),
               result_text(row)});
  }
  text += table.draw(paint) + "\n";
  for (const auto& [model, profile] : report.minimum) {
    text += fmt::format("{}: smallest profile that holds it {}; with 80 % of the speed {}\n",
                        model,
                        paint(Style::kBold, profile.empty() ? "none" : profile),
                        profile_text(report.enough, model));
  }
  text += notes_text(report.notes);
  if (source.simulated) {
    text += "A simulated device shows the simulator's model of a board, not hardware.\n";
  }
  return report.stopped ? text + "stopped before the end\n" : text;
}

std::string rightsize_history_text(const rightsize::HistoryReport& report,
                                   const wire::Source& source,
                                   const Paint& paint) {
  std::string text = head(source,
                          fmt::format("jobs from {} to {}, by the sampler's minutes",
                                      time_text(report.from_ms),
                                      time_text(report.until_ms)));
  Table table({{"TENANT"},
               {"JOB"},
               {"PROFILE"},
               {"MINUTES", true},
               {"SM MEAN", true},
               {"SM MOST", true},
               {"PEAK MEMORY", true},
               {"VERDICT"}});
  std::string reasons;
  for (const rightsize::PastUse& use : report.uses) {
    table.row({use.tenant,
               use.job.empty() ? "-" : use.job,
               use.profile,
               std::to_string(use.minutes),
               percent_text(use.sm_mean),
               percent_text(use.sm_most),
               memory_text(use.peak_memory_mib),
               use.verdict});
    reasons += fmt::format(
        "{} {} on {}: {}\n", use.tenant, use.job.empty() ? "-" : use.job, use.profile, use.why);
  }
  text += table.empty() ? "  no lease had recorded minutes in that time\n"
                        : table.draw(paint) + "\n" + reasons;
  return text + notes_text(report.notes);
}

}  // namespace mig::cli
