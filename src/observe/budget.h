// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: how much time of a slow call a tick may spend. A driver works on the caller's
// processor while it is asked (measured on an H200: 3.3 ms for the energy counter, 1.8 ms for the
// metrics of one instance, of which it waits for nothing), so a share of the time that passes is a
// share of a core. What a call took above what was left is paid back by later ticks.
//
// Threading: not thread-safe. Pure: the caller has the clock.
#ifndef MIGCTL_OBSERVE_BUDGET_H_
#define MIGCTL_OBSERVE_BUDGET_H_

#include <algorithm>
#include <chrono>
#include <optional>

namespace mig::observe {

class Budget {
 public:
  // `share` of the time that passes, but no more than `most` is saved up for one tick. The first
  // tick has `most` too.
  Budget(double share, std::chrono::nanoseconds most) : share_(share), most_(most), left_(most) {}

  void tick(std::chrono::nanoseconds now) {
    if (last_) {
      const auto earned = std::chrono::duration<double, std::nano>(now - *last_) * share_;
      left_ = std::min(most_, left_ + std::chrono::duration_cast<std::chrono::nanoseconds>(earned));
    }
    last_ = now;
  }

  bool has_left() const { return left_.count() > 0; }

  void spend(std::chrono::nanoseconds time) { left_ -= time; }

 private:
  double share_;
  std::chrono::nanoseconds most_;
  std::chrono::nanoseconds left_;
  std::optional<std::chrono::nanoseconds> last_;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_BUDGET_H_
