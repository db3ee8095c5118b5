// SPDX-License-Identifier: Apache-2.0
#include "service/isolation.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "advise/isolation.h"
#include "launch/mps.h"
#include "service/isolation_run.h"

namespace mig::service {
namespace {

using isolation::ModeReport;
using isolation::Report;
using isolation::Sample;
using isolation::Sharing;

// Overhead of a run in seconds, approximate: contexts, tuning, an MPS server.
constexpr double kRunTakes = 4;
constexpr double kSimulatedRunTakes = 0.2;

double takes_seconds(const IsolationRequest& request, std::size_t runs) {
  const double more = request.simulated ? kSimulatedRunTakes : kRunTakes;
  return static_cast<double>(runs) * (request.seconds + more);
}

bool stopped(const IsolationRequest& request) {
  return request.stop != nullptr && *request.stop;
}

bool needs_mps(const ModeReport& mode) {
  return mode.sharing == Sharing::kMps || mode.sharing == Sharing::kMpsLimits;
}

// Why MPS is not possible on the mode's place; "" = possible.
std::string no_mps(const IsolationRequest& request, const ModeReport& mode) {
  if (request.simulated) {
    return "the simulated machine has no MPS";
  }
  if (launch::find_mps_control().empty()) {
    return "there is no nvidia-cuda-mps-control here";
  }
  const auto stage = Stage::set(request, mode);
  return stage ? std::string() : stage.error().text();
}

void skip_without_mps(const IsolationRequest& request, Report& report) {
  for (ModeReport& mode : report.modes) {
    if (!needs_mps(mode) || !mode.skipped.empty()) {
      continue;
    }
    mode.skipped = no_mps(request, mode);
    if (!mode.skipped.empty()) {
      mode.cells.clear();
    }
  }
}

Error nothing_to_run(const Report& report) {
  std::string why;
  for (const ModeReport& mode : report.modes) {
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", name_of(mode.sharing), mode.skipped);
  }
  return Error{ErrorCode::kNotSupported,
               "none of the ways of sharing can be had here: " + why,
               "migctl isolate-test --help says what each needs",
               {},
               {}};
}

Result<void> read_caps(const IsolationRequest& request, Report& report) {
  for (ModeReport& mode : report.modes) {
    if (mode.sharing != Sharing::kMpsLimits || !mode.skipped.empty() || stopped(request)) {
      continue;
    }
    request.tell("mps-limits: reading back what a limit gives");
    MIG_ASSIGN_OR_RETURN(mode.caps, read_back_caps(request, mode));
  }
  return {};
}

// A cell of a mode; the cell before the first is the victim alone.
struct Run {
  std::size_t mode = 0;
  std::size_t cell = 0;
};

std::vector<Run> runs_of(const Report& report) {
  std::vector<Run> runs;
  for (std::size_t mode = 0; mode < report.modes.size(); ++mode) {
    for (std::size_t cell = 0; cell <= report.modes[mode].cells.size(); ++cell) {
      const auto& cells = report.modes[mode].cells;
      const bool possible = cell == 0 || cells[cell - 1].not_run.empty();
      if (report.modes[mode].skipped.empty() && possible) {
        runs.push_back({mode, cell});
      }
    }
  }
  return runs;
}

Result<void> run_one(const IsolationRequest& request,
                     Report& report,
                     const Run& run,
                     const std::string& progress) {
  ModeReport& mode = report.modes[run.mode];
  const std::string neighbour = run.cell == 0 ? "" : mode.cells[run.cell - 1].neighbour;
  const std::string name = neighbour.empty() ? "alone" : "beside " + neighbour;
  MIG_ASSIGN_OR_RETURN(Sample sample, run_victim(request, mode, neighbour));
  if (stopped(request)) {
    return {};
  }
  request.tell(fmt::format(
      "{} {}, {}: {}",
      progress,
      name_of(mode.sharing),
      name,
      sample.lived
          ? fmt::format(
                "{:.1f} steps/s, p99 {:.2f} ms", sample.steps_per_second, sample.step_ms_p99)
      : sample.error.empty() ? "the neighbour did not start: " + sample.neighbour_error
                             : "the victim died: " + sample.error));
  if (neighbour.empty() && !sample.lived) {
    return fail(
        ErrorCode::kDriver,
        fmt::format("the victim fails alone on {}: {}", mode.victim.label, sample.error),
        fmt::format("mig-workload train --precision {} there shows why", request.precision));
  }
  auto& samples = neighbour.empty() ? mode.alone : mode.cells[run.cell - 1].samples;
  samples.push_back(std::move(sample));
  return {};
}

// The simulator's model has nothing of what barriers do beyond their own compute instance: a row of
// it would say "isolated" by construction.
std::string not_simulated(const IsolationRequest& request,
                          const ModeReport& mode,
                          const std::string& neighbour) {
  const bool apart = mode.sharing == Sharing::kMig || mode.sharing == Sharing::kComputeInstances;
  return request.simulated && apart && neighbour == "hog membar"
             ? "not simulated: no model of memory barriers between instances"
             : "";
}

Report begin(const IsolationRequest& request) {
  Report report;
  report.rounds = request.rounds;
  report.seconds = request.seconds;
  report.victim =
      fmt::format("training 1024-4096-4096-1024 with Adam, {}, batch 128", request.precision);
  report.driver_version = request.driver_version;
  report.seed = request.seed;
  report.modes = request.modes;
  for (ModeReport& mode : report.modes) {
    for (const std::string& neighbour : request.neighbours) {
      if (mode.skipped.empty()) {
        mode.cells.push_back({neighbour, {}, {}, not_simulated(request, mode, neighbour)});
      }
    }
  }
  return report;
}

}  // namespace

const std::vector<std::string>& isolation_neighbours() {
  static const std::vector<std::string> kNeighbours = {"hog dram",
                                                       "hog tensor",
                                                       "hog compute",
                                                       "hog pcie",
                                                       "hog launch",
                                                       "hog membar",
                                                       "hog memory",
                                                       "fault illegal-address",
                                                       "fault trap",
                                                       "fault endless-kernel",
                                                       "fault context-storm",
                                                       "oom"};
  return kNeighbours;
}

double isolation_takes_seconds(const IsolationRequest& request) {
  std::size_t runs = 0;
  for (const ModeReport& mode : request.modes) {
    runs += mode.skipped.empty() ? 1 + request.neighbours.size() : 0;
  }
  return takes_seconds(request, runs * request.rounds);
}

Result<Report> test_isolation(const IsolationRequest& request) {
  Report report = begin(request);
  skip_without_mps(request, report);
  MIG_TRY(read_caps(request, report));
  std::vector<Run> runs = runs_of(report);
  if (runs.empty()) {
    return nothing_to_run(report);
  }
  std::mt19937_64 random(request.seed);
  std::size_t done = 0;
  const std::size_t all = runs.size() * request.rounds;
  request.tell(fmt::format("{} runs of {:g} s, about {:.0f} s in all",
                           all,
                           request.seconds,
                           takes_seconds(request, all)));
  for (std::uint32_t round = 0; round < request.rounds && !stopped(request); ++round) {
    std::shuffle(runs.begin(), runs.end(), random);
    for (const Run& run : runs) {
      MIG_TRY(run_one(request, report, run, fmt::format("[{}/{}]", ++done, all)));
      if (stopped(request)) {
        break;
      }
    }
  }
  report.stopped = stopped(request);
  advise::judge(report);
  return report;
}

}  // namespace mig::service
