// SPDX-License-Identifier: Apache-2.0
// MIG against GPUs of one's own: the cheapest GPU that has each workload's memory, the share of
// time from which MIG is cheaper, and what changes when prices and use do. Pure. Speed is not
// compared: it is not known here whether a smaller GPU is fast enough.
#ifndef MIGCTL_ADVISE_COMPARE_H_
#define MIGCTL_ADVISE_COMPARE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/cost_values.h"

namespace mig::advise {

// An instance of a layout, with the memory that its workload may use.
struct Wanted {
  std::string profile;
  std::uint64_t memory_mib = 0;
};

struct ComparedGpu {
  std::string uuid, board;
};

struct ComparedLayout {
  std::vector<ComparedGpu> gpus;  // that have the instances
  std::vector<Wanted> instances;
};

// `utilization_percent`: 1 to 100, the share of time that the workloads run. kNotFound: a board has
// no price. kNothingMatched: the layout has no instance.
Result<cost::Comparison> compare(const ComparedLayout& layout,
                                 const cost::PriceTable& table,
                                 std::uint32_t utilization_percent);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_COMPARE_H_
