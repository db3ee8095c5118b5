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
};

struct StepTime {
  std::chrono::nanoseconds total{};
  double busy = 0;     // share of the step in which the SMs work
  double compute = 0;  // share in which they compute at full rate
  double dram = 0;     // share of the memory's rate
};

// nullopt when the speed at this precision or the memory's is not known.
std::optional<StepTime> predict(const StepWork& work, const Speed& speed);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_ROOFLINE_H_
