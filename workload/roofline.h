// SPDX-License-Identifier: Apache-2.0
// Duration of a step on a share of a GPU: the longer of computing and memory traffic, plus the
// host's time between steps. A model, not a measurement (docs/simulator.md has its error).
#ifndef MIGCTL_WORKLOAD_ROOFLINE_H_
#define MIGCTL_WORKLOAD_ROOFLINE_H_

#include <chrono>
#include <optional>

#include "workload/model.h"

namespace workload {

// Peak rates of the instance; 0 = unknown.
struct Speed {
  double fp32_gflops = 0, tf32_gflops = 0, bf16_gflops = 0;
  double dram_gb_per_s = 0;
  double pcie_gb_per_s = 0;
};

struct StepTime {
  std::chrono::nanoseconds total{};
  double busy = 0;     // share of the step in which the SMs work
  double compute = 0;  // share in which the SMs compute at full rate
  double dram = 0;     // share of the memory bandwidth in use
};

// Slowdown factors by contention, at least 1. `engine`: contexts are time-sliced; `dram` and
// `pcie_in`: shared bandwidth.
struct Slowdown {
  double engine = 1, dram = 1, pcie_in = 1;
};

// The same step under contention. The host's part is not stretched.
std::chrono::nanoseconds beside(const StepTime& alone, const Slowdown& slowdown);

// nullopt when the speed at this precision or the memory bandwidth is not known.
std::optional<StepTime> predict(const StepWork& work, const Speed& speed);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_ROOFLINE_H_
