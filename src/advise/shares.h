// SPDX-License-Identifier: Apache-2.0
// Inside of advise/: how a GPU's price is split at one moment. Whole parts of a thousand million,
// by largest remainders, so that they always add up to kWhole. Pure.
#ifndef MIGCTL_ADVISE_SHARES_H_
#define MIGCTL_ADVISE_SHARES_H_

#include <cstdint>
#include <set>
#include <vector>

#include "model/cost_values.h"

namespace mig::advise {

// Wide enough for money x shares x milliseconds of decades.
__extension__ using Wide = __int128;

inline constexpr std::int64_t kWhole = 1'000'000'000;

// Divides `total` in proportion to the weights, to the unit; a rest goes where the remainder is
// largest, and among equals to the first. All weights 0: all to the last.
std::vector<std::int64_t> largest_remainders(std::int64_t total, const std::vector<Wide>& weights);

// A part of the GPU: of a lease, or of nobody (nullptr).
struct Share {
  const cost::Tenure* tenure = nullptr;
  cost::Part part = cost::Part::kAllocated;
  std::int64_t share = 0;    // of kWhole
  bool known = false;        // of a lease: its activity is recorded
  std::int64_t of_free = 0;  // full-cost: so much of the share was free or stranded
};

// A GPU at one moment. Pointers are into a Usage.
struct Moment {
  const cost::UsedGpu* gpu = nullptr;
  const cost::LayoutSpan* layout = nullptr;  // nullptr: not recorded
  bool recorded = true;                      // leases were recorded then
  std::vector<const cost::Tenure*> tenures;  // ascending by instance, then by lease
  std::set<std::uint32_t> idle, busy;        // GPU instances
};

// The shares add up to kWhole.
std::vector<Share> shares_at(const Moment& moment, cost::Policy policy);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_SHARES_H_
