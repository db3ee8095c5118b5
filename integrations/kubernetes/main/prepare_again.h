// SPDX-License-Identifier: Apache-2.0
// A prepare that failed is tried again at once: after an error the kubelet itself waits for its
// back-off, which was 82 s in a real one (1.36.3). No attempt begins when the kubelet may have
// given the call up, or has asked for the claim's end meanwhile: it would make what nobody gives
// back. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_MAIN_PREPARE_AGAIN_H_
#define MIGCTL_KUBERNETES_MAIN_PREPARE_AGAIN_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mig/result.h"

#include "kubernetes/objects/allocation.h"

namespace mig::kube {

class PrepareAgain {
 public:
  using Prepared = Result<std::vector<PreparedDevice>>;

  struct Calls {
    std::function<Prepared()> once;
    // True: there is to be no other attempt, the program ends.
    std::function<bool(std::chrono::milliseconds)> pause;
    std::function<void(const Error&)> on_again;  // before an attempt, with why
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };

  Prepared run(const std::string& uid, const Calls& calls);

  // The claim is being unprepared.
  void give_up(const std::string& uid);

 private:
  bool wanted(const std::string& uid) const;

  mutable std::mutex mutex_;
  std::multiset<std::string> running_;  // uids, while run() is
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_PREPARE_AGAIN_H_
