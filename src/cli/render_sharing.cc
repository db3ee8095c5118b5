// SPDX-License-Identifier: Apache-2.0
#include "cli/render_sharing.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/render_inventory.h"
#include "cli/render_isolation.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

using isolation::Estimate;
using sharing::Figures;
using sharing::Report;
using sharing::Way;
using sharing::WayReport;

std::string estimate_text(const std::optional<Estimate>& estimate, int digits) {
  if (!estimate) {
    return "-";
  }
  return estimate->low && estimate->high ? fmt::format("{:.{}f} ({:.{}f}..{:.{}f})",
                                                       estimate->value,
                                                       digits,
                                                       *estimate->low,
                                                       digits,
                                                       *estimate->high,
                                                       digits)
                                         : fmt::format("{:.{}f}", estimate->value, digits);
}

std::string jobs_text(const Figures& figures) {
  std::vector<std::string> words;
  for (const auto& job : figures.per_job) {
    words.push_back(job ? fmt::format("{:.1f}", job->value) : "-");
  }
  return base::join(words, " ");
}

std::string throughput_table(const Report& report, const Paint& paint) {
  Table table({{"WAY"},
               {fmt::format("{}/S, ALL JOBS", report.unit == "steps" ? "STEPS" : "UNITS")},
               {"x EXCLUSIVE"},
               {"EACH JOB"},
               {"DIED", true}});
  for (const WayReport& way : report.ways) {
    if (way.skipped.empty()) {
      const Figures& figures = way.figures;
      table.row({name_of(way.way),
                 estimate_text(figures.throughput, 1),
                 estimate_text(figures.gain, 2),
                 jobs_text(figures),
                 figures.died == 0
                     ? "0"
                     : paint(Style::kRed,
                             fmt::format("{}/{}", figures.died, way.rounds.size() * report.jobs))});
    }
  }
  return table.draw(paint);
}

std::string latency_table(const Report& report, const Paint& paint) {
  Table table({{"WAY"}, {"P50 MS"}, {"P99 MS, WORST JOB"}, {"JAIN"}, {"MIN/MAX"}, {"J/1000"}});
  for (const WayReport& way : report.ways) {
    if (way.skipped.empty()) {
      const Figures& figures = way.figures;
      const auto& joules = figures.joules_per_unit;
      table.row({name_of(way.way),
                 estimate_text(figures.step_ms_p50, 2),
                 estimate_text(figures.step_ms_p99, 2),
                 estimate_text(figures.jain, 3),
                 estimate_text(figures.least_share, 2),
                 joules ? fmt::format("{:.0f}", 1000 * joules->value) : "-"});
    }
  }
  return table.draw(paint);
}

std::string isolation_table(const Report& report, const Paint& paint) {
  Table table({{"WAY"}, {"NEIGHBOUR"}, {"VERDICT"}});
  for (const WayReport& way : report.ways) {
    for (const isolation::Cell& cell : way.neighbours) {
      table.row({name_of(way.way), cell.neighbour, verdict_text(cell)});
    }
  }
  return table.empty() ? "" : "\none job beside a program that misbehaves\n" + table.draw(paint);
}

std::string places_text(const WayReport& way) {
  std::vector<std::string> labels;
  for (const isolation::Place& place : way.places) {
    labels.push_back(place.label);
  }
  std::string text = fmt::format("  {:<13} {}\n", name_of(way.way), base::join(labels, "; "));
  if (!way.note.empty()) {
    text += fmt::format("  {:<13} {}\n", "", way.note);
  }
  if (way.caps) {
    const isolation::MpsCaps& caps = *way.caps;
    text += fmt::format("  {:<13} limit of each: {} of {} SMs asked, {} got; {} MiB\n",
                        "",
                        caps.sm_asked,
                        caps.sm_total,
                        caps.sm_got ? std::to_string(*caps.sm_got) : "?",
                        caps.memory_asked_mib);
  }
  return text;
}

std::string skipped_text(const Report& report) {
  std::string text;
  for (const WayReport& way : report.ways) {
    if (!way.skipped.empty()) {
      text += fmt::format("  {:<13} {}\n", name_of(way.way), way.skipped);
    }
  }
  return text.empty() ? "" : "\nnot run\n" + text;
}

std::string advice_text(const sharing::Advice& advice, const Paint& paint) {
  std::string text = "\nadvice: " + paint(Style::kBold, advice.text) + "\n";
  for (const sharing::Rule& rule : advice.rules) {
    text += fmt::format("  {} {:<10} {}\n  {:<12} {}\n",
                        rule.fired ? "*" : "-",
                        rule.name,
                        rule.says,
                        "",
                        rule.because);
  }
  for (const std::string& warning : advice.warnings) {
    text += "  but: " + warning + "\n";
  }
  return text;
}

}  // namespace

const char* meaning_of(Way way) {
  switch (way) {
    case Way::kExclusive:
      return "one job after another, each with the whole place";
    case Way::kTimeSlicing:
      return "all at once on one place, nothing else";
    case Way::kMps:
      return "all at once, clients of one MPS server";
    case Way::kMpsLimits:
      return "the same, each with an equal part of SMs and memory";
    case Way::kMpsDmem:
      return "MPS v3 with the memory limits of cgroups";
    case Way::kMig:
      break;
  }
  return "each job on a GPU instance of its own";
}

std::string sharing_text(const Report& report, const wire::Source& source, const Paint& paint) {
  const std::string mark = simulated_mark(source);
  std::string text = fmt::format("{}{}ways to share, {}, {} of {:g} s\njob: {}\n",
                                 mark,
                                 mark.empty() ? "" : ": ",
                                 base::counted(report.jobs, "job"),
                                 base::counted(report.rounds, "round"),
                                 report.seconds,
                                 report.job);
  if (report.stopped) {
    text += "stopped before all rounds were done\n";
  }
  text += "\non\n";
  for (const WayReport& way : report.ways) {
    text += way.skipped.empty() ? places_text(way) : "";
  }
  text += "\n" + throughput_table(report, paint) + "\n" + latency_table(report, paint);
  text += isolation_table(report, paint) + skipped_text(report);
  text += advice_text(report.advice, paint);
  text += fmt::format(
      "\nGeometric mean of the rounds and {:.0f} % interval by Student's t. Exclusive: the jobs\n"
      "have the machine in turn, so each counts for its part of the time. Jain: 1 is fair.\n"
      "J/1000: the whole board's energy for 1000 {}.\n",
      100 * report.confidence,
      report.unit);
  if (source.simulated) {
    text +=
        "A simulated device shows the simulator's model (equal turns; instances by their share of\n"
        "the data sheet), not hardware: real time-slicing is worse (docs/simulator.md).\n";
  }
  return text;
}

}  // namespace mig::cli
