// SPDX-License-Identifier: Apache-2.0
#include "service/driver_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include <fmt/format.h>
#include <pthread.h>

#include "base/units.h"
#include "service/signals_later.h"

namespace mig::service {
namespace {

using Steady = std::chrono::steady_clock;

}  // namespace

struct DriverThread::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  std::optional<std::string> at;  // the job at hand
  Steady::time_point since;
  bool stopped = false;
  bool over = false;  // the thread has ended
  Post post;
};

DriverThread::DriverThread(node::Node& node, Post post) : shared_(std::make_shared<Shared>()) {
  shared_->post = std::move(post);
  const SignalsLater none_there;  // the new thread inherits it: signals go to the caller's
  thread_ = std::thread([shared = shared_, &node] { work(shared, node); });
  ::pthread_setname_np(thread_.native_handle(), "driver");  // seen in `top -H`
}

DriverThread::~DriverThread() {
  static_cast<void>(stop(std::chrono::milliseconds::max()));
}

bool DriverThread::add(Job job) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->stopped || shared_->jobs.size() >= kMostJobs) {
    return false;
  }
  shared_->jobs.push_back(std::move(job));
  shared_->changed.notify_all();
  return true;
}

void DriverThread::work(const std::shared_ptr<Shared>& shared, node::Node& node) {
  // What comes after stop() is for nobody.
  const Post post = [shared](std::function<void()> call) {
    const std::lock_guard lock(shared->mutex);
    if (!shared->stopped) {
      shared->post(std::move(call));
    }
  };
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&] { return shared->stopped || !shared->jobs.empty(); });
    if (shared->stopped) {
      break;
    }
    Job job = std::move(shared->jobs.front());
    shared->jobs.pop_front();
    shared->at = job.what;
    shared->since = Steady::now();
    lock.unlock();
    job.run(node, post);
    job = {};
    lock.lock();
    shared->at.reset();
  }
  shared->over = true;
  shared->changed.notify_all();
}

std::optional<DriverThread::Busy> DriverThread::busy() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->at) {
    return std::nullopt;
  }
  return Busy{
      *shared_->at,
      std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - shared_->since)};
}

bool DriverThread::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) {
    return true;
  }
  std::unique_lock lock(shared_->mutex);
  shared_->stopped = true;
  std::deque<Job> dropped = std::move(shared_->jobs);
  shared_->jobs.clear();
  shared_->changed.notify_all();
  const auto over = [&] { return shared_->over; };
  bool ended = true;
  if (patience == std::chrono::milliseconds::max()) {
    shared_->changed.wait(lock, over);
  } else {
    ended = shared_->changed.wait_for(lock, patience, over);
  }
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ended;
}

std::string driver_trouble(const std::optional<DriverThread::Busy>& busy) {
  constexpr std::chrono::milliseconds kUsual{2000};
  if (!busy || busy->since < kUsual) {
    return {};
  }
  return fmt::format(
      "the driver has been busy for {} with {}", base::span_text(busy->since.count()), busy->what);
}

}  // namespace mig::service
