// SPDX-License-Identifier: Apache-2.0
// What a run with a profile's multiprocessors by MPS says of an instance of that profile. Pure.
//
// MPS limits multiprocessors and leaves the job the whole GPU's memory bandwidth, so the run's
// speed is an upper bound of the instance's. The lower bound comes from the memory traffic: of the
// run's time at most the part x = (its DRAM activity) / (a stream's) was spent at the memory's full
// speed, and only that part can stretch, by 1 / (the profile's bandwidth share) at most:
//   time on the instance <= time under MPS * (1 + x * (1 / bandwidth share - 1))
// That holds as well for a job whose traffic comes in phases, of which the mean alone tells
// nothing. Where it is within the model's noise the cap cannot bind, and the run stands as it is.
// The bound knows the traffic under the whole GPU's L2 cache, of which an instance has a part.
#ifndef MIGCTL_ADVISE_MPS_BOUND_H_
#define MIGCTL_ADVISE_MPS_BOUND_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "advise/slowdown.h"
#include "model/rightsize_values.h"

namespace mig::advise {

// GPM's DRAM activity of a stream of copies on the whole GPU: measured on an H200, 0.76 to 0.77.
inline constexpr double kStreamActivity = 0.76;

struct MpsPoint {
  std::uint32_t sm = 0;
  double seconds = 0;                    // of a unit
  double noise = 0;                      // relative half-width of its interval
  std::optional<double> dram;            // activity, 0 to 1; nullopt: it may be all of it
  std::optional<double> beside_seconds;  // of a unit, beside a stream of memory traffic
};

// How many times longer a unit may take at most where only `bandwidth` of the GPU's is had.
double most_stretch(std::optional<double> dram, double bandwidth);

// Puts the points' bounds into the predictions of profiles with as many multiprocessors, and into
// the others what the points say of their multiprocessors and the most that their bandwidth adds.
// `slowdown`: of these points and the whole GPU alone, as a GPU has MIG on or off.
void bound_by_mps(std::vector<rightsize::Prediction>& predictions,
                  const std::vector<MpsPoint>& points,
                  const Slowdown& slowdown,
                  const rightsize::Shape& shape);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_MPS_BOUND_H_
