// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: the end of a thread that may hang in a call of somebody else's library.
#ifndef MIGCTL_OBSERVE_THREAD_END_H_
#define MIGCTL_OBSERVE_THREAD_END_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace mig::observe {

// Waits until `over`, which the thread sets under the lock before it returns and then notifies, and
// joins it; after `patience` (max() = for ever) it is left behind, and all that it uses must be its
// own. The lock is released. True: joined.
inline bool end_thread(std::thread& thread,
                       std::unique_lock<std::mutex> lock,
                       std::condition_variable& changed,
                       const bool& over,
                       std::chrono::milliseconds patience) {
  const auto is_over = [&over] { return over; };
  bool ended = true;
  if (patience == std::chrono::milliseconds::max()) {
    changed.wait(lock, is_over);
  } else {
    ended = changed.wait_for(lock, patience, is_over);
  }
  lock.unlock();
  if (ended) {
    thread.join();
  } else {
    thread.detach();
  }
  return ended;
}

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_THREAD_END_H_
