// SPDX-License-Identifier: Apache-2.0
#include "service/sharing_run.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "launch/workload_result.h"
#include "service/isolation_run.h"
#include "service/printed_rate.h"

namespace mig::service {
namespace {

using Clock = std::chrono::steady_clock;
using isolation::ModeReport;
using isolation::Sharing;
using launch::Worker;
using sharing::JobRun;
using sharing::Round;
using sharing::Way;
using sharing::WayReport;
using std::chrono::milliseconds;

constexpr milliseconds kBeginTakes{60000};  // limit for a job's start: context, tuning
constexpr milliseconds kEndTakes{15000};    // limit after SIGTERM
constexpr milliseconds kBeyond{60000};      // a training that exceeds its time by so much is killed
constexpr milliseconds kBetweenLooks{5};
constexpr const char* kStarted = "WorkloadStarted";

bool trains(const CompareRequest& request) {
  return request.command.empty();
}

bool stopped(const CompareRequest& request) {
  return request.stop != nullptr && *request.stop;
}

// A job and what it runs on. The stage points to the mode.
struct Job {
  ModeReport mode;
  const Stage* stage = nullptr;
  std::optional<Worker> worker;
  bool late = false;  // did not end by itself, was stopped
  JobRun run;
};

std::vector<std::string> words_of(const CompareRequest& request) {
  return {"train",
          "--precision",
          request.precision,
          "--batch",
          std::to_string(request.batch),
          "--seconds",
          fmt::format("{:.3f}", request.seconds),
          "--step-times",
          "--announce",
          "--hold",
          "--json"};
}

Result<void> start(const CompareRequest& request, Job& job) {
  std::vector<std::string> argv = request.command;
  if (!trains(request) && !request.program.empty()) {
    argv.front() = request.program;
  }
  if (trains(request)) {
    argv = words_of(request);
    argv.insert(argv.begin(), request.workload);
    argv.insert(argv.end(), {"--backend", request.simulated ? "simulated" : "cuda"});
  }
  MIG_ASSIGN_OR_RETURN(Worker worker,
                       job.stage->start_program(true, std::move(argv), trains(request)));
  job.worker = std::move(worker);
  return {};
}

// The trainings wait at their start until all are there, so that they share all of their time.
void begin(const CompareRequest& request, std::vector<Job*>& jobs, const launch::Mps* mps) {
  for (Job* job : jobs) {
    if (trains(request)) {
      static_cast<void>(job->worker->wait_output(kStarted, kBeginTakes, request.stop));
    }
  }
  if (mps != nullptr) {
    const auto clients = mps->clients();
    for (Job* job : jobs) {
      // Programs of the user's own may not have called CUDA yet; then nothing is said of them.
      if (clients && trains(request) && job->worker->running()) {
        job->run.mps_member =
            std::find(clients->begin(), clients->end(), job->worker->pid()) != clients->end();
      }
    }
  }
  for (Job* job : jobs) {
    job->worker->release();
  }
}

void wait_end(const CompareRequest& request, std::vector<Job*>& jobs) {
  const milliseconds beyond = trains(request) ? kBeyond : milliseconds(0);
  const auto deadline = Clock::now() + beyond + std::chrono::duration<double>(request.seconds);
  const auto any = [&] {
    bool running = false;
    for (Job* job : jobs) {
      running = job->worker->running() || running;
    }
    return running;
  };
  while (any() && !stopped(request) && Clock::now() < deadline) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
  for (Job* job : jobs) {
    job->late = job->worker->running();
    job->worker->stop(trains(request) ? milliseconds(0) : kEndTakes);
  }
}

void read_training(Job& job) {
  const auto result = launch::workload_result(job.worker->output());
  job.run.lived = job.worker->exit_code() == 0 && result && result->steps_per_second;
  if (!job.run.lived) {
    job.run.error = job.late ? "it did not end" : error_of(*job.worker);
    return;
  }
  job.run.per_second = *result->steps_per_second;
  job.run.step_ms_p50 = result->step_ms_p50;
  job.run.step_ms_p99 = result->step_ms_p99;
  job.run.memory_bytes = result->memory_held_bytes;
}

void read_command(const CompareRequest& request, Job& job) {
  std::optional<double> rate;
  if (!request.rate_regex.empty()) {
    rate = printed_rate(job.worker->output(), request.rate_regex);
  } else if (const auto result = launch::workload_result(job.worker->output())) {
    rate = result->steps_per_second;
    job.run.step_ms_p50 = result->step_ms_p50;
    job.run.step_ms_p99 = result->step_ms_p99;
  }
  job.run.lived = (job.late || job.worker->exit_code() == 0) && rate && *rate > 0;
  if (job.run.lived) {
    job.run.per_second = *rate;
  } else if (job.late || job.worker->exit_code() == 0) {
    job.run.error = request.rate_regex.empty() ? "it printed no WorkloadResult with stepsPerSecond"
                                               : "it printed no rate that --rate-regex finds";
  } else {
    job.run.error = error_of(*job.worker);
  }
}

// Runs these jobs at once and adds what they did to the round.
Result<void> run_group(const CompareRequest& request,
                       std::vector<Job*> jobs,
                       const launch::Mps* mps,
                       GpuIndex gpu,
                       Round& round) {
  for (Job* job : jobs) {
    MIG_TRY(start(request, *job));
  }
  begin(request, jobs, mps);
  const auto energy_before = request.energy_joules(gpu);
  const auto begun = Clock::now();
  wait_end(request, jobs);
  const auto energy_after = request.energy_joules(gpu);
  round.seconds += std::chrono::duration<double>(Clock::now() - begun).count();
  if (energy_before && energy_after) {
    round.energy_joules = round.energy_joules.value_or(0) + *energy_after - *energy_before;
  }
  for (Job* job : jobs) {
    trains(request) ? read_training(*job) : read_command(request, *job);
    round.jobs.push_back(std::move(job->run));
  }
  return {};
}

}  // namespace

std::optional<Sharing> sharing_of(Way way) {
  switch (way) {
    case Way::kTimeSlicing:
      return Sharing::kTimeSlicing;
    case Way::kMps:
      return Sharing::kMps;
    case Way::kMpsLimits:
      return Sharing::kMpsLimits;
    case Way::kMig:
      return Sharing::kMig;
    case Way::kExclusive:
    case Way::kMpsDmem:
      break;
  }
  return std::nullopt;
}

ModeReport mode_of(const WayReport& way, std::size_t job) {
  ModeReport mode;
  mode.sharing = sharing_of(way.way).value_or(Sharing::kTimeSlicing);
  mode.victim = way.places[job % way.places.size()];
  mode.neighbour = way.places[(job + 1) % way.places.size()];
  mode.caps = way.caps;
  return mode;
}

IsolationRequest programs_of(const CompareRequest& request) {
  IsolationRequest programs;
  programs.workload = request.workload;
  programs.precision = request.precision;
  programs.driver_version = request.driver_version;
  programs.simulated = request.simulated;
  programs.seconds = request.seconds;
  programs.rounds = request.rounds;
  programs.sharers = request.jobs;
  programs.stop = request.stop;
  programs.tell = request.tell;
  return programs;
}

Result<Round> run_round(const CompareRequest& request, const WayReport& way) {
  const IsolationRequest programs = programs_of(request);
  std::vector<Job> jobs(request.jobs);
  std::vector<Stage> stages;
  stages.reserve(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].mode = mode_of(way, i);
    // The jobs on one place share a stage, and so an MPS server.
    if (stages.empty() || way.places.size() > 1) {
      MIG_ASSIGN_OR_RETURN(Stage stage, Stage::set(programs, jobs[i].mode));
      stages.push_back(std::move(stage));
    }
    jobs[i].stage = &stages.back();
  }
  Round round;
  const GpuIndex gpu = way.places.front().gpu;
  std::vector<Job*> all;
  all.reserve(jobs.size());
  for (Job& job : jobs) {
    all.push_back(&job);
  }
  if (way.way != Way::kExclusive) {
    MIG_TRY(run_group(request, all, stages.front().mps(), gpu, round));
    return round;
  }
  for (Job* job : all) {
    if (!stopped(request)) {
      MIG_TRY(run_group(request, {job}, nullptr, gpu, round));
    }
  }
  return round;
}

}  // namespace mig::service
