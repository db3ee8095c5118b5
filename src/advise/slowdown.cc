// SPDX-License-Identifier: Apache-2.0
#include "advise/slowdown.h"

#include <algorithm>
#include <cmath>

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Fit;
using rightsize::Interval;
using rightsize::Shape;

// Shares that differ by less are one share: a profile's figures are whole SMs of at most a few
// hundred.
constexpr double kSameShare = 1e-3;

bool usable(double value) {
  return std::isfinite(value) && value > 0;
}

// The curve through two points. `fixed` and `device` are the p-th roots; a job that scales worse
// than its share follows a power law instead.
struct Curve {
  double fixed = 0, device = 0, exponent = 0;
  double from_scarcity = 1, from_seconds = 0;
  double overlap = 1;

  double at(double scarcity) const {
    if (exponent > 0) {
      return from_seconds * std::pow(scarcity / from_scarcity, exponent);
    }
    return std::pow(std::pow(fixed, overlap) + std::pow(device * scarcity, overlap), 1 / overlap);
  }
};

Curve through(double large, double large_seconds, double small, double small_seconds, double p) {
  Curve curve;
  curve.overlap = p;
  curve.from_scarcity = large;
  curve.from_seconds = large_seconds;
  if (small_seconds <= large_seconds) {
    curve.fixed = large_seconds;  // less of the device changes nothing
    return curve;
  }
  const double above = std::pow(small_seconds, p) - std::pow(large_seconds, p);
  const double device = above / (std::pow(small, p) - std::pow(large, p));
  const double fixed = std::pow(large_seconds, p) - device * std::pow(large, p);
  if (fixed < 0) {
    curve.exponent = std::log(small_seconds / large_seconds) / std::log(small / large);
    return curve;
  }
  curve.device = std::pow(device, 1 / p);
  curve.fixed = std::pow(fixed, 1 / p);
  return curve;
}

}  // namespace

Shape shipped_shape() {
  return {0.65, 2.5, 0.57, 0.03, 0.1};
}

double scarcity(const rightsize::Share& share, const Shape& shape) {
  return shape.sm_weight / share.sm + (1 - shape.sm_weight) / share.bandwidth;
}

std::optional<Slowdown> Slowdown::of(const std::vector<Point>& points, const Shape& shape) {
  std::vector<Knot> knots;
  for (const Point& point : points) {
    if (!usable(point.seconds) || !usable(point.share.sm) || !usable(point.share.bandwidth) ||
        !std::isfinite(point.noise) || point.noise < 0) {
      return std::nullopt;
    }
    knots.push_back({scarcity(point.share, shape), point.seconds, point.noise});
  }
  if (knots.empty()) {
    return std::nullopt;
  }
  std::sort(knots.begin(), knots.end(), [](const Knot& a, const Knot& b) {
    return a.scarcity < b.scarcity;
  });
  std::vector<Knot> merged;
  double count = 0;
  for (const Knot& knot : knots) {
    if (!merged.empty() && knot.scarcity < merged.back().scarcity * (1 + kSameShare)) {
      Knot& last = merged.back();
      count += 1;
      last.seconds += (knot.seconds - last.seconds) / count;
      last.noise = std::max(last.noise, knot.noise);
    } else {
      merged.push_back(knot);
      count = 1;
    }
  }
  return Slowdown(std::move(merged), shape);
}

Slowdown::Answer Slowdown::at(const rightsize::Share& share) const {
  const double wanted = scarcity(share, shape_);
  for (const Knot& knot : knots_) {
    if (std::abs(wanted / knot.scarcity - 1) < kSameShare) {
      return {{knot.seconds, knot.seconds * (1 - knot.noise), knot.seconds * (1 + knot.noise)},
              Basis::kMeasured};
    }
  }
  if (wanted < knots_.front().scarcity) {
    return above(wanted);
  }
  if (wanted > knots_.back().scarcity) {
    return beyond(wanted);
  }
  const auto small = std::find_if(
      knots_.begin(), knots_.end(), [&](const Knot& knot) { return knot.scarcity > wanted; });
  return between(*std::prev(small), *small, wanted);
}

Slowdown::Answer Slowdown::between(const Knot& large, const Knot& small, double scarcity) const {
  const double noise = std::max({shape_.noise, large.noise, small.noise});
  const double value =
      through(large.scarcity, large.seconds, small.scarcity, small.seconds, shape_.overlap)
          .at(scarcity);
  const double width =
      shape_.width * (std::abs(small.seconds - large.seconds) + noise * large.seconds);
  // More of the device is not slower: the measured shares are bounds, within their noise.
  const double least = std::min(large.seconds, small.seconds) * (1 - noise);
  const double most = std::max(large.seconds, small.seconds) * (1 + noise);
  return {{value,
           std::min(value, std::max(value - width, least)),
           std::max(value, std::min(value + width, most))},
          Basis::kBetween};
}

Slowdown::Answer Slowdown::beyond(double scarcity) const {
  const Knot& large = knots_.front();
  const Knot& small = knots_.back();
  const double noise = std::max(shape_.noise, small.noise);
  const double proportional = small.seconds * scarcity / small.scarcity;
  double value = proportional;
  if (knots_.size() > 1) {
    value = through(large.scarcity, large.seconds, small.scarcity, small.seconds, shape_.overlap)
                .at(scarcity);
  }
  return {{value,
           std::min(value, small.seconds * (1 - noise)),
           std::max(value, proportional * (1 + shape_.beyond))},
          Basis::kBeyond};
}

Slowdown::Answer Slowdown::above(double scarcity) const {
  const Knot& large = knots_.front();
  const Knot& small = knots_.back();
  const double noise = std::max(shape_.noise, large.noise);
  const double proportional = large.seconds * scarcity / large.scarcity;
  double value = proportional;
  if (knots_.size() > 1) {
    value = through(large.scarcity, large.seconds, small.scarcity, small.seconds, shape_.overlap)
                .at(scarcity);
  }
  return {{value,
           std::min(value, proportional * (1 - shape_.beyond)),
           std::max(value, large.seconds * (1 + noise))},
          Basis::kAbove};
}

std::optional<Fit> Slowdown::fit() const {
  if (knots_.size() < 2) {
    return std::nullopt;
  }
  const Knot& large = knots_.front();
  const Knot& small = knots_.back();
  const Curve curve =
      through(large.scarcity, large.seconds, small.scarcity, small.seconds, shape_.overlap);
  Fit fit{curve.fixed, curve.device, curve.exponent, std::nullopt};
  const double whole = curve.at(1);
  fit.fixed_share = curve.exponent > 0 ? 0 : std::min(1.0, curve.fixed / whole);
  return fit;
}

}  // namespace mig::advise
