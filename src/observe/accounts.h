// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: what is summed up from tick to tick: generations, energy, idleness.
//
// The board's energy counter is slow (3.3 ms of processor time on an H200, 16 at worst): counters
// are read for a limited share of the time (budget.h), those that waited longest first: each of
// eight every eight seconds or so. What instances do in the meantime is summed up; the watts
// that they are shown with are their parts of the board's power, which is cheap to read.
//
// Threading: as the session.
#ifndef MIGCTL_OBSERVE_ACCOUNTS_H_
#define MIGCTL_OBSERVE_ACCOUNTS_H_

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "model/sample.h"
#include "nvml/functions.h"
#include "observe/carried.h"
#include "observe/topology.h"

namespace mig::observe {

// Gives every instance its generation, and forgets those that are gone.
void stamp_generations(const std::vector<const WatchedGpu*>& gpus,
                       std::vector<GpuSample>& out,
                       Generations& generations);

// Since when the instances do nothing, by their activity.
void note_idle(std::vector<GpuSample>& gpus,
               std::int64_t now_ms,
               std::map<std::uint64_t, std::int64_t>& idle_since_ms);

class EnergyReader {
 public:
  EnergyReader(const nvml::Functions& nvml, base::Clock& clock) : nvml_(nvml), clock_(clock) {}

  // `since`: the last tick, if it was so short ago that its instances were watched all the time.
  Result<void> read(const std::vector<const WatchedGpu*>& gpus,
                    std::vector<GpuSample>& out,
                    std::optional<std::chrono::nanoseconds> since,
                    Carried& carried);

 private:
  Result<void> count(const WatchedGpu& watched, Carried& carried);

  const nvml::Functions& nvml_;
  base::Clock& clock_;
  std::set<std::string> without_counter_;  // GPU UUIDs
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_ACCOUNTS_H_
