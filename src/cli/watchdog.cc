// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/units.h"
#include "cli/execute.h"

namespace mig::cli {
namespace {

constexpr std::chrono::milliseconds kDefault{120'000};
constexpr std::chrono::hours kLongest{24};

// Parses "700ms", "90s", "5m"; anything else gives the default.
std::chrono::milliseconds limit() {
  const char* text = std::getenv("MIGCTL_DRIVER_TIMEOUT");  // NOLINT(concurrency-mt-unsafe)
  const auto time = base::parse_time(text != nullptr ? text : "", kLongest);
  return time && time->count() > 0 ? *time : kDefault;
}

std::mutex last_work_mutex;
std::function<void()> last_work;

void give_up() {
  const std::lock_guard lock(last_work_mutex);
  if (last_work) {
    last_work();
  }
}

}  // namespace

BeforeGivingUp::BeforeGivingUp(std::function<void()> work) {
  const std::lock_guard lock(last_work_mutex);
  last_work = std::move(work);
}

BeforeGivingUp::~BeforeGivingUp() {
  const std::lock_guard lock(last_work_mutex);
  last_work = nullptr;
}

struct Watchdog::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t beats = 0;
  bool over = false;
  std::chrono::milliseconds patience{};
  Output* output = nullptr;
  Over kind = Over::kChange;
  std::thread thread;

  void watch() {
    std::unique_lock lock(mutex);
    while (!over) {
      const std::uint64_t seen = beats;
      if (changed.wait_for(lock, patience, [&] { return over || beats != seen; })) {
        continue;
      }
      output->message(fmt::format(
          "migctl: error: the driver did not answer for {:.1f} s{}\n",
          static_cast<double>(patience.count()) / 1000.0,
          kind == Over::kChange
              ? "; the change is cut short\nhint: `migctl recover` finishes or undoes it once the "
                "driver answers again"
              : " while the GPUs were read\nhint: dmesg tells what holds it up (Xid, hung tasks); "
                "$MIGCTL_DRIVER_TIMEOUT sets how long is waited"));
      // Holds the lock until exit: the hanging thread must not continue if the driver returns now.
      give_up();
      _Exit(error_info(ErrorCode::kTimeout).exit_code);
    }
  }
};

Watchdog::Watchdog(Output& output, Over over) : state_(std::make_unique<State>()) {
  state_->patience = limit();
  state_->output = &output;
  state_->kind = over;
  try {
    state_->thread = std::thread([this] { state_->watch(); });
  } catch (const std::system_error&) {
    // The user's limit of processes: a command that nobody watches is better than none.
  }
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
  }
  state_->changed.notify_all();
  if (state_->thread.joinable()) {
    state_->thread.join();
  }
}

void Watchdog::alive() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->beats;
  }
  state_->changed.notify_all();
}

}  // namespace mig::cli
