// SPDX-License-Identifier: Apache-2.0
// Clock interface, a seam for tests: code that waits or takes timestamps gets a Clock, tests pass a
// ManualClock. Threading: system_clock() is thread-safe; ManualClock is for one thread.
#ifndef MIGCTL_BASE_CLOCK_H_
#define MIGCTL_BASE_CLOCK_H_

#include <chrono>

namespace mig::base {

class Clock {
 public:
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  // Never goes back; only differences are meaningful.
  virtual std::chrono::nanoseconds monotonic() = 0;
  // Time since 1970-01-01 UTC; may jump.
  virtual std::chrono::nanoseconds wall() = 0;
  virtual void sleep(std::chrono::nanoseconds duration) = 0;

 protected:
  Clock() = default;
};

Clock& system_clock();

// Test clock: advances only by advance() and sleep().
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::chrono::nanoseconds wall_start = {}) : wall_start_(wall_start) {}

  std::chrono::nanoseconds monotonic() override { return elapsed_; }

  std::chrono::nanoseconds wall() override { return wall_start_ + elapsed_; }

  void sleep(std::chrono::nanoseconds duration) override { advance(duration); }

  void advance(std::chrono::nanoseconds duration) { elapsed_ += duration; }

 private:
  std::chrono::nanoseconds wall_start_;
  std::chrono::nanoseconds elapsed_{};
};

}  // namespace mig::base

#endif  // MIGCTL_BASE_CLOCK_H_
