// SPDX-License-Identifier: Apache-2.0
#include "launch/leftovers.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "holders/descendants.h"

namespace mig::launch {

Leftovers::Leftovers(std::string proc, int first) : proc_(std::move(proc)) {
  before_ = there();
  std::erase_if(before_, [&](const lease::LeaseHolder& one) {
    return one.pid == static_cast<std::uint32_t>(first);
  });
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

std::vector<lease::LeaseHolder> Leftovers::there() const {
  auto all = holders::descendants_of(proc_, static_cast<std::uint32_t>(::getpid()));
  std::erase_if(all, [&](const lease::LeaseHolder& one) {
    return std::find(before_.begin(), before_.end(), one) != before_.end();
  });
  return all;
}

// A descendant's pid is not used again before this process, its parent or a later one, waits.
void Leftovers::end(std::chrono::milliseconds grace) const {
  constexpr std::chrono::milliseconds kBetweenLooks{10};
  constexpr std::chrono::milliseconds kAfterKill{1000};
  using Clock = std::chrono::steady_clock;
  const auto kill_at = Clock::now() + grace;
  bool asked = false;
  for (;;) {
    const std::vector<lease::LeaseHolder> left = there();
    const auto now = Clock::now();
    if (left.empty() || now > kill_at + kAfterKill) {
      return;
    }
    for (const lease::LeaseHolder& one : left) {
      if (!asked || now >= kill_at) {
        ::kill(static_cast<pid_t>(one.pid), now >= kill_at ? SIGKILL : SIGTERM);
      }
    }
    asked = true;
    std::this_thread::sleep_for(kBetweenLooks);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace mig::launch
