// SPDX-License-Identifier: Apache-2.0
// Shared counters of a GPU (ResourceSlice.spec.sharedCounters): the scheduler adds up what the
// allocated devices consume and refuses one that exceeds a counter. They admit exactly the sets of
// instances that the planner admits (planner/board.h): one counter for each memory slice, and
// further ones only where a rule of the board can refuse what the slots would hold. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_COUNTERS_H_
#define MIGCTL_KUBERNETES_OBJECTS_COUNTERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "planner/board.h"

namespace mig::kube {

using Counters = std::map<std::string, std::uint32_t>;  // by name, a DNS label

class CounterModel {
 public:
  // Keeps a pointer to `board`, which must outlive it.
  explicit CounterModel(const planner::Board& board);

  // Of the GPU without instances.
  Counters full() const;
  Counters consumed(planner::Placed placed) const;
  // Takes an instance that no device of ours stands for off `left`; never below zero, since one
  // negative counter makes the scheduler refuse every device of the pool.
  void take(Counters& left, const GpuInstance& instance) const;

 private:
  const planner::Board* board_;
  bool compute_ = false;      // slots would hold more compute slices than there are
  bool extension_ = false;    // slots would hold two instances with +me
  std::uint32_t media_ = 0;   // most users of media engines at once; 0: no rule about them
  std::vector<bool> counts_;  // by profile: slots would hold more than its maximum
};

// True when `left` has all of `wanted`.
bool covers(const Counters& left, const Counters& wanted);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_COUNTERS_H_
