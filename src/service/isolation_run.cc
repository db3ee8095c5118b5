// SPDX-License-Identifier: Apache-2.0
#include "service/isolation_run.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/workload_result.h"

namespace mig::service {
namespace {

using Clock = std::chrono::steady_clock;
using isolation::ModeReport;
using isolation::Sample;
using isolation::Sharing;
using launch::Worker;
using std::chrono::milliseconds;

constexpr milliseconds kBeginTakes{60000};  // limit for a program's start: context, tuning
constexpr milliseconds kEndTakes{15000};    // limit after SIGTERM
constexpr milliseconds kBeyond{60000};      // a victim that exceeds its time by so much is killed
constexpr milliseconds kBetweenLooks{20};
constexpr milliseconds kBetweenStarts{250};  // before a restart of a neighbour
constexpr const char* kStarted = "WorkloadStarted";
constexpr std::size_t kLongestError = 200;

// True for neighbours that run until stopped; the others end at once and are restarted repeatedly.
bool lasts(const std::string& neighbour) {
  return neighbour.rfind("hog ", 0) == 0 || neighbour == "fault endless-kernel" ||
         neighbour == "fault context-storm";
}

std::vector<std::string> words_of(const std::string& neighbour, double seconds) {
  std::vector<std::string> words = base::split(neighbour, ' ');
  words.emplace_back("--json");
  if (lasts(neighbour)) {
    // Stopped with the victim; limited in time in case this process is killed.
    const double longest = seconds + std::chrono::duration<double>(kBeginTakes + kBeyond).count();
    words.insert(words.end(), {"--announce", "--seconds", fmt::format("{:.1f}", longest)});
  }
  return words;
}

// The neighbour, restarted whenever it ends by itself.
class Company {
 public:
  Company(const Stage& stage, std::string neighbour, double seconds)
      : stage_(&stage), neighbour_(std::move(neighbour)), seconds_(seconds) {}

  bool lasting() const { return lasts(neighbour_); }

  // True when the neighbour is at work on return.
  Result<bool> begin(Sample& sample, const std::atomic<bool>* stop) {
    MIG_TRY(start(sample));
    const bool ready = worker_->wait_output(kStarted, kBeginTakes, stop);
    if (!ready) {
      end(sample);
    }
    return ready;
  }

  Result<void> look(Sample& sample) {
    if (worker_ && !worker_->running()) {
      note(sample);
    }
    if (!worker_ && Clock::now() >= next_) {
      return start(sample);
    }
    return {};
  }

  void end(Sample& sample) {
    if (!worker_) {
      return;
    }
    worker_->stop(kEndTakes);
    note(sample);
  }

 private:
  Result<void> start(Sample& sample) {
    MIG_ASSIGN_OR_RETURN(Worker worker, stage_->start(false, words_of(neighbour_, seconds_)));
    worker_ = std::move(worker);
    ++sample.neighbour_runs;
    next_ = Clock::now() + kBetweenStarts;
    return {};
  }

  void note(Sample& sample) {
    const int code = worker_->exit_code();
    auto& exits = sample.neighbour_exits;
    if (std::find(exits.begin(), exits.end(), code) == exits.end()) {
      exits.insert(std::upper_bound(exits.begin(), exits.end(), code), code);
    }
    worked_ = worked_ || code == 0;
    failed_ = failed_ || code != 0;
    // A lasting neighbour that ended early left the victim alone for a while.
    sample.neighbour_worked = worked_ && !(failed_ && lasting());
    if (code != 0 && sample.neighbour_error.empty()) {
      sample.neighbour_error = error_of(*worker_);
    }
    worker_.reset();
  }

  const Stage* stage_;
  std::string neighbour_;
  double seconds_;
  std::optional<Worker> worker_;
  bool worked_ = false, failed_ = false;
  Clock::time_point next_{};
};

void read_victim(Worker& victim, Sample& sample) {
  const auto result = launch::workload_result(victim.output());
  sample.lived = victim.exit_code() == 0 && result && result->steps_per_second &&
                 result->step_ms_p50 && result->step_ms_p99;
  if (!sample.lived) {
    sample.error = error_of(victim);
    return;
  }
  sample.steps_per_second = *result->steps_per_second;
  sample.step_ms_p50 = *result->step_ms_p50;
  sample.step_ms_p99 = *result->step_ms_p99;
}

// Waits for the victim's end. A hanging victim is killed, which counts as its death.
Result<void> watch(Worker& victim,
                   Company* company,
                   double seconds,
                   Sample& sample,
                   const std::atomic<bool>* stop) {
  const auto deadline = Clock::now() + kBeyond + std::chrono::duration<double>(seconds);
  while (victim.running() && !(stop != nullptr && *stop)) {
    if (Clock::now() >= deadline) {
      victim.stop(milliseconds(0));
      sample.error = "it did not end";
      break;
    }
    if (company != nullptr) {
      MIG_TRY(company->look(sample));
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  victim.stop(kEndTakes);
  if (company != nullptr) {
    company->end(sample);
  }
  if (sample.error.empty()) {
    read_victim(victim, sample);
  }
  return {};
}

std::string tried_percentage(std::uint32_t half_sms, std::uint32_t total) {
  return fmt::format("{:.2f}", std::min(100.0, 50.0 * half_sms / total));
}

}  // namespace

std::string error_of(const Worker& worker) {
  const auto result = launch::workload_result(worker.output());
  std::string text = result && !result->error.empty() ? result->error : worker.errors();
  if (text.empty()) {
    text = fmt::format("exit code {}", worker.exit_code());
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, kLongestError);
}

Result<Stage> Stage::set(const IsolationRequest& request, const ModeReport& mode) {
  Stage stage;
  stage.request_ = &request;
  stage.mode_ = &mode;
  if (mode.sharing != Sharing::kMps && mode.sharing != Sharing::kMpsLimits) {
    return stage;
  }
  MIG_ASSIGN_OR_RETURN(launch::Mps mps,
                       launch::Mps::start(launch::find_mps_control(), mode.victim.uuid));
  stage.mps_ = std::move(mps);
  return stage;
}

Result<Worker> Stage::start(bool victim, std::vector<std::string> words) const {
  words.insert(words.begin(), request_->workload);
  words.insert(words.end(), {"--backend", request_->simulated ? "simulated" : "cuda"});
  return start_program(victim, std::move(words));
}

Result<Worker> Stage::start_program(bool victim, std::vector<std::string> argv, bool hold) const {
  launch::WorkerRequest worker;
  worker.argv = std::move(argv);
  worker.hold_input = hold;
  if (!mps_) {
    worker.environment.emplace_back("CUDA_VISIBLE_DEVICES",
                                    (victim ? mode_->victim : mode_->neighbour).uuid);
    if (launch::mps_daemon_of_others()) {
      worker.environment.emplace_back("CUDA_MPS_PIPE_DIRECTORY", "/dev/null");
    }
    return Worker::start(worker);
  }
  worker.environment = mps_->environment();
  worker.unset = {"CUDA_VISIBLE_DEVICES",
                  "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
                  "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"};
  if (mode_->sharing == Sharing::kMpsLimits && mode_->caps) {
    worker.environment.emplace_back("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", mode_->caps->percentage);
    worker.environment.emplace_back("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT",
                                    fmt::format("0={}M", mode_->caps->memory_asked_mib));
  }
  return Worker::start(worker);
}

Result<Sample> run_victim(const IsolationRequest& request,
                          const ModeReport& mode,
                          const std::string& neighbour) {
  // A fault may leave an MPS server that refuses clients, so each run has its own.
  MIG_ASSIGN_OR_RETURN(const Stage stage, Stage::set(request, mode));
  Sample sample;
  std::optional<Company> company;
  if (!neighbour.empty()) {
    company.emplace(stage, neighbour, request.seconds);
  }
  if (company && company->lasting()) {
    MIG_ASSIGN_OR_RETURN(const bool ready, company->begin(sample, request.stop));
    if (!ready) {
      return sample;
    }
  }
  MIG_ASSIGN_OR_RETURN(Worker victim,
                       stage.start(true,
                                   {"train",
                                    "--precision",
                                    request.precision,
                                    "--seconds",
                                    fmt::format("{:.3f}", request.seconds),
                                    "--step-times",
                                    "--announce",
                                    "--json"}));
  static_cast<void>(victim.wait_output(kStarted, kBeginTakes, request.stop));
  if (stage.mps() != nullptr && victim.running()) {
    if (const auto clients = stage.mps()->clients()) {
      sample.mps_member =
          std::find(clients->begin(), clients->end(), victim.pid()) != clients->end();
    }
  }
  MIG_TRY(watch(victim, company ? &*company : nullptr, request.seconds, sample, request.stop));
  return sample;
}

Result<isolation::MpsCaps> read_back_caps(const IsolationRequest& request, const ModeReport& mode) {
  ModeReport trial = mode;
  trial.caps.reset();
  MIG_ASSIGN_OR_RETURN(const Stage stage, Stage::set(request, trial));
  const auto look = [&]() -> Result<launch::WorkloadResult> {
    MIG_ASSIGN_OR_RETURN(Worker worker, stage.start(true, {"info", "--look-only", "--json"}));
    static_cast<void>(worker.wait(kBeginTakes, request.stop));
    worker.stop(kEndTakes);
    const auto result = launch::workload_result(worker.output());
    if (worker.exit_code() != 0 || !result || !result->sm || !result->memory_total_bytes) {
      return fail(ErrorCode::kDriver, "mig-workload info under MPS: " + error_of(worker));
    }
    return *result;
  };
  MIG_ASSIGN_OR_RETURN(const launch::WorkloadResult whole, look());
  isolation::MpsCaps caps;
  caps.sm_total = *whole.sm;
  caps.sm_asked = std::clamp(request.mps_sm.value_or(*whole.sm / request.sharers), 1U, *whole.sm);
  caps.memory_total_mib = *whole.memory_total_bytes >> 20U;
  caps.memory_asked_mib = request.mps_memory_mib.value_or(caps.memory_total_mib / request.sharers);
  for (std::uint32_t half = 2 * caps.sm_asked; half <= 2 * caps.sm_total; ++half) {
    caps.percentage = tried_percentage(half, caps.sm_total);
    trial.caps = caps;
    MIG_ASSIGN_OR_RETURN(const launch::WorkloadResult limited, look());
    caps.sm_got = limited.sm;
    if (limited.memory_free_bytes) {
      caps.memory_free_mib = *limited.memory_free_bytes >> 20U;
    }
    if (*limited.sm >= caps.sm_asked || (request.stop != nullptr && *request.stop)) {
      break;
    }
  }
  trial.caps = caps;
  MIG_ASSIGN_OR_RETURN(
      Worker beyond,
      stage.start(
          true, {"oom", "--json", "--bytes", std::to_string((caps.memory_asked_mib + 1) << 20U)}));
  static_cast<void>(beyond.wait(kBeginTakes, request.stop));
  beyond.stop(kEndTakes);
  if (beyond.exit_code() == 0 || beyond.exit_code() == 1) {
    caps.refused_beyond = beyond.exit_code() == 0;
  }
  return caps;
}

}  // namespace mig::service
