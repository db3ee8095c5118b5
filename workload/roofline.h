// SPDX-License-Identifier: Apache-2.0
// How long a step takes on a share of a GPU: the longer of computing and moving, plus what the host
// needs between steps. A model, not a measurement (docs/simulator.md says how far off).
#ifndef MIGCTL_WORKLOAD_ROOFLINE_H_
#define MIGCTL_WORKLOAD_ROOFLINE_H_

#include <chrono>
#include <optional>

#include "workload/model.h"

namespace workload {

// What the share reaches; 0 = not known.
struct Speed {
  double fp32_gflops = 0, tf32_gflops = 0, bf16_gflops = 0;
  double dram_gb_per_s = 0;
  double pcie_gb_per_s = 0;
};

struct StepTime {
  std::chrono::nanoseconds total{};
  double busy = 0;     // share of the step in which the SMs work
  double compute = 0;  // share in which they compute at full rate
  double dram = 0;     // share of the memory's rate
};

// How much slower the device works because of others on it: factors of time, at least 1. `engine`:
// contexts take turns; `dram` and `pcie_in`: a share of the memory's rate and of the link's.
struct Slowdown {
  double engine = 1, dram = 1, pcie_in = 1;
};

// The same step beside others. The host's part is nobody else's business.
std::chrono::nanoseconds beside(const StepTime& alone, const Slowdown& slowdown);

// nullopt when the speed at this precision or the memory's is not known.
std::optional<StepTime> predict(const StepWork& work, const Speed& speed);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_ROOFLINE_H_
