// SPDX-License-Identifier: Apache-2.0
#include "workload/roofline.h"

#include <algorithm>

namespace workload {

namespace {

// The lab's script unchanged (data made on the host) runs 386 steps per second on a whole H200:
// 2.59 ms, of which the roofline explains 0.27. The rest is Python, launches and the copy, and is
// independent of the instance's size.
constexpr double kHostSeconds = 2.32e-3;

double gflops_of(const Speed& speed, Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return speed.tf32_gflops;
    case Precision::kBf16:
      return speed.bf16_gflops;
    case Precision::kFp32:
      break;
  }
  return speed.fp32_gflops;
}

}  // namespace

std::optional<StepTime> predict(const StepWork& work, const Speed& speed) {
  const double gflops = gflops_of(speed, work.precision);
  if (!(gflops > 0) || !(speed.dram_gb_per_s > 0)) {
    return std::nullopt;
  }
  const double compute = static_cast<double>(work.flops) / (gflops * 1e9);
  const double moving = static_cast<double>(work.bytes_moved) / (speed.dram_gb_per_s * 1e9);
  const double device = std::max(compute, moving);
  const double total = device + kHostSeconds;
  StepTime time;
  time.total = std::chrono::nanoseconds(static_cast<std::int64_t>(total * 1e9));
  time.busy = device / total;
  time.compute = compute / total;
  time.dram = moving / total;
  return time;
}

std::chrono::nanoseconds beside(const StepTime& alone, const Slowdown& slowdown) {
  const double device = slowdown.engine * std::max(alone.compute, slowdown.dram * alone.dram);
  const double factor = device + (1 - alone.busy);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(factor * static_cast<double>(alone.total.count())));
}

}  // namespace workload
