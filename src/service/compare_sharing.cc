// SPDX-License-Identifier: Apache-2.0
#include "service/compare_sharing.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "advise/sharing.h"
#include "base/strings.h"
#include "launch/mps.h"
#include "node/node.h"
#include "service/isolation_run.h"
#include "service/printed_rate.h"
#include "service/sharing_needs.h"
#include "service/sharing_run.h"

namespace mig::service {
namespace {

using isolation::Sample;
using sharing::JobRun;
using sharing::Report;
using sharing::Round;
using sharing::Way;
using sharing::WayReport;

// Overhead of a run in seconds, approximate: contexts, tuning, an MPS server.
constexpr double kRunTakes = 4;
constexpr double kSimulatedRunTakes = 0.3;

const std::vector<std::string>& bad_neighbours() {
  static const std::vector<std::string> kBad = {"fault illegal-address", "hog memory"};
  return kBad;
}

bool stopped(const CompareRequest& request) {
  return request.stop != nullptr && *request.stop;
}

bool needs_mps(Way way) {
  return way == Way::kMps || way == Way::kMpsLimits;
}

// Why a way that has places cannot be run; "" = it can.
std::string no_way(const CompareRequest& request, const WayReport& way) {
  if (way.way == Way::kMpsDmem) {
    const std::string missing =
        dmem_missing(look_at_host(request.driver_version, request.cuda_version, ""));
    return missing.empty() ? "all that it needs is here, but this program cannot drive MPS v3 yet"
                           : missing;
  }
  if (!needs_mps(way.way)) {
    return {};
  }
  if (request.simulated) {
    return "not simulated: the simulator has no model of MPS";
  }
  if (launch::find_mps_control().empty()) {
    return "not here: needs nvidia-cuda-mps-control";
  }
  const isolation::ModeReport mode = mode_of(way);
  const IsolationRequest programs = programs_of(request);
  const auto stage = Stage::set(programs, mode);
  return stage ? std::string() : stage.error().text();
}

// A run of a way's jobs, or of one of them beside a neighbour ("" = alone).
struct Run {
  std::size_t way = 0;
  std::optional<std::string> neighbour;
};

bool tries_isolation(const CompareRequest& request, const WayReport& way) {
  return request.isolation && request.command.empty() && sharing_of(way.way).has_value();
}

std::vector<Run> runs_of(const CompareRequest& request, const Report& report) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < report.ways.size(); ++i) {
    const WayReport& way = report.ways[i];
    if (!way.skipped.empty()) {
      continue;
    }
    runs.push_back({i, std::nullopt});
    if (tries_isolation(request, way)) {
      runs.push_back({i, ""});
      for (const isolation::Cell& cell : way.neighbours) {
        runs.push_back({i, cell.neighbour});
      }
    }
  }
  return runs;
}

std::string told(const Round& round) {
  std::string text;
  for (const JobRun& job : round.jobs) {
    text += text.empty() ? "" : ", ";
    text += job.lived ? fmt::format("{:.1f}/s", job.per_second) : "died: " + job.error;
  }
  return text;
}

Result<void> run_jobs(const CompareRequest& request, WayReport& way, const std::string& progress) {
  MIG_ASSIGN_OR_RETURN(Round round, run_round(request, way));
  if (stopped(request)) {
    return {};
  }
  request.tell(fmt::format("{} {}: {}", progress, name_of(way.way), told(round)));
  const auto dead = std::find_if(
      round.jobs.begin(), round.jobs.end(), [](const JobRun& job) { return !job.lived; });
  if (way.way == Way::kExclusive && dead != round.jobs.end()) {
    return fail(ErrorCode::kDriver,
                fmt::format("a job fails alone on {}: {}", way.places.front().label, dead->error),
                request.command.empty()
                    ? "mig-workload train --precision " + request.precision + " there shows why"
                    : "run the command by itself; --rate-regex must find its rate");
  }
  way.rounds.push_back(std::move(round));
  return {};
}

Result<void> run_beside(const CompareRequest& request,
                        WayReport& way,
                        const std::string& neighbour,
                        const std::string& progress) {
  const IsolationRequest programs = programs_of(request);
  MIG_ASSIGN_OR_RETURN(Sample sample, run_victim(programs, mode_of(way), neighbour));
  if (stopped(request)) {
    return {};
  }
  request.tell(fmt::format(
      "{} {}, one job {}: {}",
      progress,
      name_of(way.way),
      neighbour.empty() ? "alone" : "beside " + neighbour,
      sample.lived ? fmt::format("{:.1f}/s", sample.steps_per_second) : "died: " + sample.error));
  if (neighbour.empty()) {
    way.alone.push_back(std::move(sample));
    return {};
  }
  for (isolation::Cell& cell : way.neighbours) {
    if (cell.neighbour == neighbour) {
      cell.samples.push_back(std::move(sample));
      break;
    }
  }
  return {};
}

Report begin(const CompareRequest& request) {
  Report report;
  report.jobs = request.jobs;
  report.rounds = request.rounds;
  report.seconds = request.seconds;
  report.job = request.command.empty()
                   ? fmt::format("training 1024-4096-4096-1024 with Adam, {}, batch {}",
                                 request.precision,
                                 request.batch)
                   : base::join(request.command, " ");
  report.unit = request.command.empty() ? "steps" : "units";
  report.driver_version = request.driver_version;
  report.seed = request.seed;
  report.wishes = request.wishes;
  report.ways = request.ways;
  for (WayReport& way : report.ways) {
    if (way.skipped.empty()) {
      way.skipped = no_way(request, way);
    }
    for (const std::string& neighbour : bad_neighbours()) {
      if (way.skipped.empty() && tries_isolation(request, way)) {
        way.neighbours.push_back({neighbour, {}, {}});
      }
    }
  }
  return report;
}

Result<void> read_caps(const CompareRequest& request, Report& report) {
  const IsolationRequest programs = programs_of(request);
  for (WayReport& way : report.ways) {
    if (way.way == Way::kMpsLimits && way.skipped.empty() && !stopped(request)) {
      request.tell("mps-limits: reading back what a limit gives");
      MIG_ASSIGN_OR_RETURN(way.caps, read_back_caps(programs, mode_of(way)));
    }
  }
  return {};
}

double takes_seconds(const CompareRequest& request, const Report& report) {
  const double more = request.simulated ? kSimulatedRunTakes : kRunTakes;
  double runs = 0;
  for (const Run& run : runs_of(request, report)) {
    const bool in_turn = !run.neighbour && report.ways[run.way].way == Way::kExclusive;
    runs += in_turn ? request.jobs : 1;
  }
  return runs * request.rounds * (request.seconds + more);
}

Error nothing_to_run(const Report& report) {
  std::string why;
  for (const WayReport& way : report.ways) {
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", name_of(way.way), way.skipped);
  }
  return Error{ErrorCode::kNotSupported,
               "none of the ways of sharing can be had here: " + why,
               "migctl compare-sharing --help says what each needs",
               {},
               {}};
}

Result<void> run_all(const CompareRequest& request, std::vector<Run> runs, Report& report) {
  std::mt19937_64 random(request.seed);
  std::size_t done = 0;
  const std::size_t all = runs.size() * request.rounds;
  request.tell(fmt::format("{} runs, about {:.0f} s in all", all, takes_seconds(request, report)));
  for (std::uint32_t round = 0; round < request.rounds; ++round) {
    std::shuffle(runs.begin(), runs.end(), random);
    for (const Run& run : runs) {
      if (stopped(request)) {
        return {};
      }
      WayReport& way = report.ways[run.way];
      const std::string progress = fmt::format("[{}/{}]", ++done, all);
      if (run.neighbour) {
        MIG_TRY(run_beside(request, way, *run.neighbour, progress));
      } else {
        MIG_TRY(run_jobs(request, way, progress));
      }
    }
  }
  return {};
}

}  // namespace

EnergyMeter energy_meter(node::Node& node) {
  return [&node](GpuIndex gpu) -> std::optional<double> {
    const auto session = node.session();
    if (!session) {
      return std::nullopt;
    }
    constexpr double kMillijoules = 1e3;
    const nvml::Functions& nvml = (*session)->nvml();
    nvmlDevice_t device = nullptr;
    unsigned long long millijoules = 0;
    const bool told =
        nvml.nvmlDeviceGetHandleByIndex_v2(gpu.value, &device) == NVML_SUCCESS &&
        nvml.nvmlDeviceGetTotalEnergyConsumption(device, &millijoules) == NVML_SUCCESS;
    return told ? std::optional(static_cast<double>(millijoules) / kMillijoules) : std::nullopt;
  };
}

std::optional<int> cuda_driver_version(node::Node& node) {
  const auto session = node.session();
  int version = 0;
  const bool told =
      session && (*session)->nvml().nvmlSystemGetCudaDriverVersion_v2(&version) == NVML_SUCCESS;
  return told ? std::optional(version) : std::nullopt;
}

double sharing_takes_seconds(const CompareRequest& request) {
  Report report;
  report.ways = request.ways;
  for (WayReport& way : report.ways) {
    way.neighbours.resize(bad_neighbours().size());
  }
  return takes_seconds(request, report);
}

Result<Report> compare_sharing(const CompareRequest& request) {
  if (!request.rate_regex.empty()) {
    MIG_TRY(check_rate_regex(request.rate_regex));
  }
  Report report = begin(request);
  std::vector<Run> runs = runs_of(request, report);
  if (runs.empty()) {
    return nothing_to_run(report);
  }
  MIG_TRY(read_caps(request, report));
  MIG_TRY(run_all(request, std::move(runs), report));
  report.stopped = stopped(request);
  advise::sum_up(report);
  report.advice = advise::advise_sharing(advise::facts_of(report, request.largest_instance_mib));
  return report;
}

}  // namespace mig::service
