// SPDX-License-Identifier: Apache-2.0
// Confidence intervals of a ratio from few paired samples, by Student's t on the logarithms: a
// bootstrap of three or five values would be too narrow. Pure functions.
#ifndef MIGCTL_ADVISE_STUDENT_H_
#define MIGCTL_ADVISE_STUDENT_H_

#include <optional>
#include <vector>

#include "model/isolation_values.h"

namespace mig::advise {

// P(T <= t) of Student's distribution with `freedom` degrees (at least 1).
double student_cdf(double t, double freedom);

// The t with P(|T| <= t) = confidence, confidence in (0, 1).
double student_t(double confidence, double freedom);

// Geometric mean of second[i] / first[i] and its confidence interval. nullopt without pairs, or
// when a value is not positive and finite; no interval from one pair.
std::optional<isolation::Estimate> paired_ratio(const std::vector<double>& first,
                                                const std::vector<double>& second,
                                                double confidence);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_STUDENT_H_
