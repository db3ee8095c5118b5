// SPDX-License-Identifier: Apache-2.0
// Environment of the command on each instance, and warnings about common mistakes with MIG. Pure
// functions.
#ifndef MIGCTL_LAUNCH_RANKS_H_
#define MIGCTL_LAUNCH_RANKS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "launch/run.h"

namespace mig::launch {

struct RankFacts {
  std::uint32_t rank = 0, count = 1;
  std::int64_t job = 0;              // 0 = not recorded
  std::uint16_t rendezvous = 0;      // TCP port of 127.0.0.1 for PyTorch's ranks; 0 = independent
  bool gpu_shared_by_ranks = false;  // another rank runs on the same GPU
};

// CUDA_VISIBLE_DEVICES and the other variables of a rank; docs/reference/run.md lists all.
Environment rank_environment(const Instance& instance, const RankFacts& facts);

// A free TCP port of the loopback, for PyTorch's first rank to listen on; 0 = none.
std::uint16_t free_loopback_port();

// Warnings, one line each; `visible`: $CUDA_VISIBLE_DEVICES of the caller ("" = not set).
std::vector<std::string> warnings_of(const std::vector<std::string>& argv,
                                     const std::string& visible,
                                     std::uint32_t count,
                                     bool together);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RANKS_H_
