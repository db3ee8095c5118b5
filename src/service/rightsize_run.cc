// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_run.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/mps.h"
#include "launch/progress.h"
#include "launch/worker.h"

namespace mig::service {
namespace {

using Clock = std::chrono::steady_clock;
using launch::Progress;
using launch::Worker;
using rightsize::Rate;
using rightsize::RateSource;
using rightsize::Run;

constexpr std::chrono::milliseconds kRunPolls{20};
constexpr double kBetweenMemoryLooks = 0.2;
constexpr std::chrono::milliseconds kRunEndTakes{15000};  // after SIGTERM
// After the first sign of work: clocks rise, caches and allocators fill.
constexpr double kSettles = 0.1;  // of the measured seconds
// A command without progress lines: so long after it first used the device the steady part begins.
constexpr double kBeginsAfterUse = 1;
constexpr std::size_t kLongestRunError = 300;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool is_mig_workload(const std::string& path) {
  constexpr std::string_view kName = "mig-workload";
  return path.size() >= kName.size() &&
         std::string_view(path).substr(path.size() - kName.size()) == kName;
}

std::string last_words(const Worker& worker) {
  std::string text = worker.errors().empty() ? worker.output() : worker.errors();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  text = text.substr(text.size() - std::min(text.size(), kLongestRunError));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// One run in progress.
class Watching {
 public:
  Watching(Meter& meter, const MeasureRequest& request, Run& run)
      : meter_(meter), request_(request), run_(run) {}

  Result<void> start() {
    MIG_ASSIGN_OR_RETURN(Progress progress, Progress::reader(request_.words));
    progress_.emplace(std::move(progress));
    launch::WorkerRequest worker;
    worker.argv = request_.argv;
    worker.environment = request_.environment;
    worker.unset = request_.unset;
    begun_ = Clock::now();
    worker.on_output = [this](std::string_view text) {
      progress_->feed(text, seconds_since(begun_));
    };
    MIG_ASSIGN_OR_RETURN(Worker started, Worker::start(worker));
    worker_.emplace(std::move(started));
    return {};
  }

  void watch() {
    while (worker_->running() && !stopped() && !enough()) {
      look();
      std::this_thread::sleep_for(kRunPolls);
    }
    until_ = seconds_since(begun_);
    by_itself_ = !worker_->running();
    if (steady_) {
      run_.activity = meter_.end_activity();
    } else {
      run_.activity.reason = "there was no steady part";
    }
    worker_->stop(kRunEndTakes);
    conclude();
  }

 private:
  bool stopped() const { return request_.stop != nullptr && *request_.stop; }

  bool enough() const {
    const double now = seconds_since(begun_);
    if (!steady_) {
      return now > request_.warm_up + request_.seconds;
    }
    if (now < *steady_ + request_.seconds) {
      return false;
    }
    // mig-workload tells its result when it is asked to end; others must have told their progress.
    return is_mig_workload(request_.argv.front()) || progress_->rate(*steady_, now).has_value() ||
           now > *steady_ + request_.warm_up + request_.seconds;
  }

  void look() {
    const double now = seconds_since(begun_);
    if (now >= next_look_) {
      if (meter_.look(worker_->pid()) && !used_) {
        used_ = now;
      }
      check_member();
      next_look_ = now + kBetweenMemoryLooks;
    }
    if (steady_) {
      return;
    }
    const double settles = kSettles * request_.seconds;
    const auto began = progress_->began();
    if (began ? now >= *began + settles : used_ && now >= *used_ + kBeginsAfterUse + settles) {
      steady_ = now;
      meter_.begin_activity();
    }
  }

  // A program that cannot reach its MPS server silently runs without it.
  void check_member() {
    if (request_.mps == nullptr || run_.mps_member == true || (!used_ && !progress_->began())) {
      return;
    }
    if (const auto clients = request_.mps->clients()) {
      const std::vector<std::uint32_t> tree = process_tree(worker_->pid());
      run_.mps_member = std::any_of(clients->begin(), clients->end(), [&](int client) {
        return std::find(tree.begin(), tree.end(), static_cast<std::uint32_t>(client)) !=
               tree.end();
      });
    }
  }

  void conclude() {
    run_.seconds = until_;
    run_.exit_code = worker_->exit_code();
    run_.peak_memory_mib = meter_.peak_memory_mib();
    run_.memory_source = meter_.memory_source();
    run_.rate = progress_->rate(steady_.value_or(0), until_);
    run_.out_of_memory = by_itself_ && worker_->exit_code() != 0 && progress_->out_of_memory();
    if (by_itself_ && worker_->exit_code() != 0) {
      run_.rate.reset();
      run_.error =
          run_.out_of_memory
              ? "out of memory"
              : fmt::format("it ended with {}: {}", worker_->exit_code(), last_words(*worker_));
    } else if (!run_.rate && by_itself_) {
      conclude_short_run();
    } else if (!run_.rate) {
      run_.error = "it printed no progress that is understood, and did not end by itself";
    }
    if (request_.mps != nullptr && run_.mps_member != true && run_.rate) {
      run_.rate.reset();
      run_.error = "it was no client of the MPS server, so nothing limited it";
    }
  }

  // It ended by itself before a steady part told a rate. A unit of its own progress is never mixed
  // with the whole run as a unit.
  void conclude_short_run() {
    const bool named = !request_.words.rate_regex.empty() || !request_.words.count_regex.empty();
    if (const auto rate = progress_->rate(0, until_)) {
      run_.rate = rate;
    } else if (named) {
      run_.error = "it ended, and nothing that --rate-regex or --count-regex finds gives a rate";
    } else if (progress_->began() && !is_mig_workload(request_.argv.front())) {
      run_.error =
          fmt::format("it ended after {:.1f} s, too soon to tell a rate by its progress", until_);
    } else {
      run_.rate = Rate{1 / until_, 0, 1, RateSource::kWholeRun};
    }
  }

  Meter& meter_;
  const MeasureRequest& request_;
  Run& run_;
  std::optional<Progress> progress_;
  std::optional<Worker> worker_;
  Clock::time_point begun_{};
  double next_look_ = 0, until_ = 0;
  std::optional<double> used_, steady_;
  bool by_itself_ = false;
};

}  // namespace

Result<void> measure(Meter& meter, const MeasureRequest& request, Run& run) {
  Watching watching(meter, request, run);
  MIG_TRY(watching.start());
  watching.watch();
  return {};
}

}  // namespace mig::service
