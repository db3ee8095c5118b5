// SPDX-License-Identifier: Apache-2.0
#include "daemon/connections.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>

namespace mig::daemon {

void allow_descriptors() {
  constexpr rlim_t kEnough = 32'768;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) {
    return;
  }
  const rlimit more{kEnough, std::max(limit.rlim_max, kEnough)};  // root may raise the hard one
  if (::setrlimit(RLIMIT_NOFILE, &more) != 0) {
    limit.rlim_cur = std::min(limit.rlim_max, kEnough);
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  }
}

http::Limits limits_of_connections() {
  constexpr std::size_t kMost = 16'384;
  constexpr std::size_t kOtherDescriptors = 6144;  // pidfds of holders, store, driver
  constexpr std::size_t kForRoot = 64;
  http::Limits limits;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) {
    return limits;
  }
  const auto all = static_cast<std::size_t>(descriptors.rlim_cur);
  limits.connections =
      std::clamp<std::size_t>(all > kOtherDescriptors ? all - kOtherDescriptors : 0,
                              std::min<std::size_t>(all / 2, 1024),
                              kMost);
  limits.connections_of_user = std::max<std::size_t>(limits.connections / 8, 128);
  limits.kept_for_root = std::min(kForRoot, limits.connections / 8);
  limits.crowded = limits.connections / 4 * 3;
  return limits;
}

}  // namespace mig::daemon
