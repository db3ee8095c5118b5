// SPDX-License-Identifier: Apache-2.0
// What the command on each instance is told, and where a user would stumble on MIG. Pure functions.
#ifndef MIGCTL_LAUNCH_RANKS_H_
#define MIGCTL_LAUNCH_RANKS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launch/run.h"

namespace mig::launch {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct RankFacts {
  std::uint32_t rank = 0, count = 1;
  std::int64_t job = 0;              // 0 = not recorded
  std::uint16_t rendezvous = 0;      // TCP port of 127.0.0.1 for PyTorch's ranks; 0 = independent
  bool gpu_shared_by_ranks = false;  // another rank is on the same GPU
};

// CUDA_VISIBLE_DEVICES and what else names the instance; docs/reference/run.md lists all.
Environment rank_environment(const Instance& instance, const RankFacts& facts);

// One line each; `visible`: $CUDA_VISIBLE_DEVICES of the caller ("" = not set).
std::vector<std::string> warnings_of(const std::vector<std::string>& argv,
                                     const std::string& visible,
                                     std::uint32_t count,
                                     bool together);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RANKS_H_
