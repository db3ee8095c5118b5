// SPDX-License-Identifier: Apache-2.0
// Unix time as documents, files and databases here have it. Threading: that of the clock.
#ifndef MIGCTL_BASE_UNIX_TIME_H_
#define MIGCTL_BASE_UNIX_TIME_H_

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace mig::base {

// Milliseconds since 1970-01-01 UTC.
inline std::int64_t unix_ms(Clock& clock = system_clock()) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall()).count();
}

}  // namespace mig::base

#endif  // MIGCTL_BASE_UNIX_TIME_H_
