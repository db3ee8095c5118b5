// SPDX-License-Identifier: Apache-2.0
// The verdict on a neighbour, from samples of a victim alone and beside the neighbour. A pure
// function.
//
//   kKilled     the victim died beside the neighbour at least once and never alone
//   kIsolated   the confidence interval of the relative speed lies above 1 - margin
//   kSlowed     the interval lies below 1, and not above 1 - margin
//   kUndecided  everything else: too few rounds, too much noise, a neighbour that did nothing
#ifndef MIGCTL_ADVISE_ISOLATION_H_
#define MIGCTL_ADVISE_ISOLATION_H_

#include <vector>

#include "model/isolation_values.h"

namespace mig::advise {

// `alone` and `beside` are indexed by round; a round that only one of them has is ignored.
isolation::Verdict judge(const std::vector<isolation::Sample>& alone,
                         const std::vector<isolation::Sample>& beside,
                         const isolation::Criteria& criteria);

// Fills in the verdict of every cell.
void judge(isolation::Report& report);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_ISOLATION_H_
