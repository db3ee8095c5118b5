// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/answer.h"

#include <chrono>

namespace migsim::exports {

std::uint64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace migsim::exports
