// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: factors between NVML's units and those of a sample.
#ifndef MIGCTL_OBSERVE_UNITS_H_
#define MIGCTL_OBSERVE_UNITS_H_

#include <chrono>
#include <cstdint>

namespace mig::observe {

inline constexpr double kMilli = 1e-3;
inline constexpr double kMega = 1e6;
inline constexpr double kPercent = 1e-2;
inline constexpr std::uint64_t kMib = 1U << 20U;

inline double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_UNITS_H_
