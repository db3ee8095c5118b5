// SPDX-License-Identifier: Apache-2.0
// Inside of api/: pauses between tries, and whether it works. Threading: of one thread.
#ifndef MIGCTL_KUBERNETES_API_BACKOFF_H_
#define MIGCTL_KUBERNETES_API_BACKOFF_H_

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "kubernetes/api/watch.h"

namespace mig::kube {

// By chance, so that a thousand nodes do not come back to a new API server in one moment.
class Backoff {
 public:
  explicit Backoff(const Pace& pace, std::uint64_t seed = std::random_device{}())
      : pace_(pace), next_(pace.first_pause), random_(seed) {}

  std::chrono::milliseconds pause() {
    const auto whole = next_.count();
    next_ = std::min(next_ * 2, pace_.longest_pause);
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(whole - whole / 2, whole)(random_));
  }

  void reset() { next_ = pace_.first_pause; }

 private:
  const Pace pace_;
  std::chrono::milliseconds next_;
  std::mt19937_64 random_;
};

// Tells of a failure when it begins, and when it ends.
class Trouble {
 public:
  explicit Trouble(std::function<void(const std::string&)> tell) : tell_(std::move(tell)) {}

  void failed(const std::string& why) {
    if (!std::exchange(troubled_, true) && tell_) {
      tell_(why);
    }
  }

  void works() {
    if (std::exchange(troubled_, false) && tell_) {
      tell_({});
    }
  }

 private:
  std::function<void(const std::string&)> tell_;
  bool troubled_ = false;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_BACKOFF_H_
