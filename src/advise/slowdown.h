// SPDX-License-Identifier: Apache-2.0
// How long a unit of work takes on a share of a GPU, from few measurements. Pure functions.
//
// The model: t = (a^p + (b * r)^p)^(1/p), with r = w / (share of the SMs) + (1 - w) / (share of the
// bandwidth).
//   a  what no share changes: the host, launches, latency
//   b  work of the device on the whole GPU
//   r  how much less of the device there is: 1 on the whole GPU
//   p  how far host and device work at the same time: 1 one after the other, large wholly
// a and b are fitted, from two measured shares each; p and w are constants of all jobs, chosen on
// half of two public data sets and judged on the other half (docs/reference/rightsize.md).
//
// Between two measured shares the curve goes through both, and the interval is part of their
// distance: a job that both treat alike has hardly any. Beyond the smallest measured share the
// bounds are what can be said without a model: no faster than there, and no slower than in
// proportion to what is missing.
#ifndef MIGCTL_ADVISE_SLOWDOWN_H_
#define MIGCTL_ADVISE_SLOWDOWN_H_

#include <optional>
#include <vector>

#include "model/rightsize_values.h"

namespace mig::advise {

// Chosen by mig-bench-rightsize on one half of the data sets' families (seed 1), see ADR 0024.
rightsize::Shape shipped_shape();

// How much less of the device a share has: 1 on the whole GPU, larger on less.
double scarcity(const rightsize::Share& share, const rightsize::Shape& shape);

struct Point {
  rightsize::Share share;
  double seconds = 0;  // of a unit
  double noise = 0;    // relative half-width of its interval
};

class Slowdown {
 public:
  // nullopt without a point, or when a value is not positive and finite. Points of one share are
  // averaged.
  static std::optional<Slowdown> of(const std::vector<Point>& points,
                                    const rightsize::Shape& shape);

  struct Answer {
    rightsize::Interval seconds;
    rightsize::Basis basis = rightsize::Basis::kMeasured;
  };

  Answer at(const rightsize::Share& share) const;

  // Of the two outermost points; nullopt from one point.
  std::optional<rightsize::Fit> fit() const;

 private:
  struct Knot {
    double scarcity, seconds, noise;
  };

  Slowdown(std::vector<Knot> knots, const rightsize::Shape& shape)
      : knots_(std::move(knots)), shape_(shape) {}

  Answer between(const Knot& large, const Knot& small, double scarcity) const;
  Answer beyond(double scarcity) const;
  Answer above(double scarcity) const;

  std::vector<Knot> knots_;  // ascending scarcity: the largest share first
  rightsize::Shape shape_;
};

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_SLOWDOWN_H_
