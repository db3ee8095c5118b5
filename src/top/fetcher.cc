// SPDX-License-Identifier: Apache-2.0
#include "top/fetcher.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "top/host.h"
#include "top/keys.h"

namespace mig::top {

struct Fetcher::State {
  Source source;
  std::string proc;
  base::Fd event;

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by the mutex.
  std::int64_t interval_ms = 0;
  bool paused = false, end = false, ended = false, desired_asked = false;
  std::optional<Fetched> fetched;
  std::optional<Result<std::vector<DesiredGpu>>> desired;
  std::optional<std::string> layout;  // to be planned
  std::optional<Result<Plan>> plan;

  void tell() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
  }

  void run();
  void take_sample(Host& host);
  void take_desired(std::unique_lock<std::mutex>& lock);
  void take_plan(std::unique_lock<std::mutex>& lock);
};

void Fetcher::State::take_sample(Host& host) {
  Fetched next;
  next.sample = source.sample();
  if (next.sample) {
    next.processes = host.processes(*next.sample);
    next.users = host.users(*next.sample);
  }
  const std::lock_guard lock(mutex);
  fetched = std::move(next);
  tell();
}

void Fetcher::State::take_desired(std::unique_lock<std::mutex>& lock) {
  desired_asked = false;
  lock.unlock();
  auto answer = source.desired();
  lock.lock();
  desired = std::move(answer);
  tell();
}

void Fetcher::State::take_plan(std::unique_lock<std::mutex>& lock) {
  const LayoutName name = layout_name(*std::exchange(layout, std::nullopt));
  lock.unlock();
  auto answer = source.plan(name.file, name.config);
  lock.lock();
  plan = std::move(answer);
  tell();
}

void Fetcher::State::run() {
  Host host(proc);
  auto due = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex);
  while (!end) {
    if (desired_asked) {
      take_desired(lock);
      continue;
    }
    if (layout) {
      take_plan(lock);
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!paused && now >= due) {
      // From one beginning to the next; a reading that takes longer is not caught up.
      due = std::max(due + std::chrono::milliseconds(interval_ms), now);
      lock.unlock();
      take_sample(host);
      lock.lock();
      continue;
    }
    if (paused) {
      changed.wait(lock);
      due = std::chrono::steady_clock::now();
    } else {
      changed.wait_until(lock, due);
      due =
          std::min(due, std::chrono::steady_clock::now() + std::chrono::milliseconds(interval_ms));
    }
  }
  ended = true;
  changed.notify_all();
}

Fetcher::Fetcher(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Fetcher>> Fetcher::start(Source source,
                                                std::string proc,
                                                std::int64_t interval_ms) {
  auto state = std::make_shared<State>();
  state->source = std::move(source);
  state->proc = std::move(proc);
  state->interval_ms = interval_ms;
  state->event = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->event.valid()) {
    return base::errno_error("make", "an eventfd", errno);
  }
  // Signals are the terminal's thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state] { state->run(); }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<Fetcher>(new Fetcher(std::move(state)));
}

Fetcher::~Fetcher() {
  std::unique_lock lock(state_->mutex);
  state_->end = true;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, std::chrono::seconds(1), [&] { return state_->ended; });
}

int Fetcher::descriptor() const {
  return state_->event.get();
}

std::optional<Fetched> Fetcher::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(state_->event.get(), &count, sizeof count);
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->fetched, std::nullopt);
}

std::optional<Result<std::vector<DesiredGpu>>> Fetcher::take_desired() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->desired, std::nullopt);
}

std::optional<Result<Plan>> Fetcher::take_plan() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->plan, std::nullopt);
}

void Fetcher::ask_plan(std::string layout) {
  const std::lock_guard lock(state_->mutex);
  state_->layout = std::move(layout);
  state_->plan.reset();
  state_->changed.notify_all();
}

void Fetcher::interval(std::int64_t ms) {
  const std::lock_guard lock(state_->mutex);
  state_->interval_ms = ms;
  state_->changed.notify_all();
}

void Fetcher::pause(bool on) {
  const std::lock_guard lock(state_->mutex);
  state_->paused = on;
  state_->changed.notify_all();
}

void Fetcher::ask_desired() {
  const std::lock_guard lock(state_->mutex);
  state_->desired_asked = true;
  state_->changed.notify_all();
}

}  // namespace mig::top
