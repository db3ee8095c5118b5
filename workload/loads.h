// SPDX-License-Identifier: Apache-2.0
// Demand of each hog on a simulated device, and its uncontended rate, from the device's roofline.
// Pure functions; models, not measurements (docs/simulator.md).
#ifndef MIGCTL_WORKLOAD_LOADS_H_
#define MIGCTL_WORKLOAD_LOADS_H_

#include <functional>
#include <optional>
#include <string>

#include "workload/backend.h"
#include "workload/cuda/device.h"

namespace workload {

struct Load {
  Demand demand;
  double per_second = 0;  // uncontended rate in `unit`
  const char* unit = "";
  // Factor by which contention lengthens the load's work.
  double slower(const Slowdown& others) const;
};

// The load of a hog; nullopt when the board's speed at it is not known.
std::optional<Load> load_of(cuda::Hog hog, const Speed& speed);

// Keeps `load` up until `seconds` are over or a stop is requested; `amount` receives the work done,
// in load.unit.
Result keep_up(Backend& backend, const Load& load, double seconds, double& amount, double& lasted);

// Takes all memory that is free, in ever smaller pieces, and holds it for `seconds` or until a stop
// is requested; `bytes` receives how much. `started` is called when it holds it.
using HoldStarted = std::function<void()>;
Result hold_memory(Backend& backend, const HoldStarted& started, double seconds, double& bytes);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_LOADS_H_
