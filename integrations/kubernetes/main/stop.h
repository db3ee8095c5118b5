// SPDX-License-Identifier: Apache-2.0
// The end of the program, as SIGTERM and SIGINT ask for it. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_MAIN_STOP_H_
#define MIGCTL_KUBERNETES_MAIN_STOP_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace mig::kube {

class Stop {
 public:
  void ask() {
    const std::lock_guard lock(mutex_);
    asked_ = true;
    changed_.notify_all();
  }

  bool asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  // True when the end was asked for, within `patience`.
  bool wait(std::chrono::milliseconds patience) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return asked_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool asked_ = false;
};

// Blocks SIGTERM and SIGINT in this thread and those that it makes from now on, and ends SIGPIPE's
// default. Before any thread is made.
void block_signals();

// Waits for one of the blocked signals, asks for the end, and ends the process by force when it is
// still there after `grace`: a call that hangs in migd must not hold the pod's end up. What such a
// call does is in the checkpoint, and is finished or undone by the next start. Returns when
// `stop` was asked otherwise.
void wait_for_signal(Stop& stop, std::chrono::milliseconds grace);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_STOP_H_
