// SPDX-License-Identifier: Apache-2.0
// What rounds of jobs in several ways of sharing say: figures with intervals, and the advice "MIG,
// MPS, time-slicing or whole GPU" with the rule that fired. Pure functions.
//
// The rules, in this order; the first that fires decides:
//   isolation  untrusted tenants, or a guarantee          -> MIG (a GPU each where MIG cannot be)
//   gain       one user's jobs do more at once            -> MPS, or time-slicing if that does
//                                                            as much
//   bursty     mostly idle, memory fits, no guarantee     -> time-slicing
//   filled     one job fills the GPU, or needs NVLink, or
//              more memory than an instance can have      -> whole GPU
//   many       many processes of one model                -> MIG, with MPS inside
#ifndef MIGCTL_ADVISE_SHARING_H_
#define MIGCTL_ADVISE_SHARING_H_

#include <cstdint>
#include <optional>

#include "model/sharing_values.h"

namespace mig::advise {

// From here on a gain in throughput is worth another way of sharing.
inline constexpr double kWorthwhileGain = 1.1;
// A job that uses more of a GPU than this fills it.
inline constexpr double kFills = 0.5;

// What the advice goes by; nullopt: not measured.
struct SharingFacts {
  sharing::Wishes wishes;
  bool mig_possible = false;  // the board can be divided
  std::optional<isolation::Estimate> mps_gain, mps_limits_gain, time_slicing_gain, mig_gain;
  std::optional<bool> fits_together;    // all jobs' memory, on one GPU
  std::optional<bool> fits_instance;    // a job's memory, on the largest instance below the GPU
  std::optional<bool> hog_kills;        // a memory hog killed its neighbour under time-slicing
  std::optional<bool> fault_kills_mps;  // a fault killed its neighbour under MPS
};

// Figures of each way; `exclusive` is the base of the gains.
void sum_up(sharing::Report& report);

// The facts that a report has. `largest_instance_mib`: nullopt: the board has no MIG.
SharingFacts facts_of(const sharing::Report& report,
                      const std::optional<std::uint64_t>& largest_instance_mib);

sharing::Advice advise_sharing(const SharingFacts& facts);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_SHARING_H_
