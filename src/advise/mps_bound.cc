// SPDX-License-Identifier: Apache-2.0
#include "advise/mps_bound.h"

#include <algorithm>

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Interval;
using rightsize::Prediction;
using rightsize::Shape;

// MPS gives even numbers of multiprocessors, so a profile with an odd one gets one more.
constexpr std::uint32_t kMpsStep = 2;

bool stands_for(const MpsPoint& point, const Prediction& at) {
  return point.sm >= at.size.sm && point.sm - at.size.sm < kMpsStep && at.size.sm > 0;
}

bool on_an_instance(const Prediction& at) {
  return at.basis == Basis::kMeasured && !at.by_mps;
}

void bound(Prediction& at, const MpsPoint& point, const Shape& shape) {
  at.by_mps = true;
  const double more_sm = static_cast<double>(point.sm) / at.size.sm;
  const double stretch = most_stretch(point.dram, at.size.share.bandwidth);
  const double low = point.seconds * (1 - point.noise);
  double high = point.seconds * (1 + point.noise) * more_sm;
  if (stretch - 1 <= shape.noise) {
    at.basis = Basis::kMeasured;
    at.seconds = {point.seconds, low, high};
    return;
  }
  high *= stretch;
  if (point.beside_seconds) {
    high = std::max(low, std::min(high, *point.beside_seconds * (1 + point.noise)));
  }
  at.basis = Basis::kMps;
  at.seconds = {std::clamp(at.seconds.value, low, high), low, high};
}

// Fewer multiprocessors and less bandwidth are not faster.
bool is_part_of(const Prediction& small, const Prediction& large) {
  return small.size.share.sm <= large.size.share.sm &&
         small.size.share.bandwidth <= large.size.share.bandwidth;
}

// Bounds that contradict each other by noise are left as they are.
void narrow(Prediction& at, double low, double high) {
  if (low > high || on_an_instance(at)) {
    return;
  }
  at.seconds = {std::clamp(at.seconds.value, low, high), low, high};
}

void spread(std::vector<Prediction>& predictions) {
  for (Prediction& at : predictions) {
    for (const Prediction& other : predictions) {
      if (&at == &other || !other.by_mps || at.by_mps) {
        continue;
      }
      if (is_part_of(at, other)) {
        narrow(at, std::max(at.seconds.low, other.seconds.low), at.seconds.high);
      } else if (is_part_of(other, at)) {
        narrow(at, at.seconds.low, std::min(at.seconds.high, other.seconds.high));
      }
    }
  }
}

}  // namespace

double most_stretch(std::optional<double> dram, double bandwidth) {
  const double busy = dram ? std::clamp(*dram / kStreamActivity, 0.0, 1.0) : 1;
  return 1 + busy * (1 / bandwidth - 1);
}

void bound_by_mps(std::vector<Prediction>& predictions,
                  const std::vector<MpsPoint>& points,
                  const Interval& whole,
                  const Shape& shape) {
  for (Prediction& at : predictions) {
    const auto point = std::find_if(
        points.begin(), points.end(), [&](const MpsPoint& one) { return stands_for(one, at); });
    const bool is_whole = at.size.share == rightsize::Share{};
    if (point != points.end() && !is_whole && !on_an_instance(at)) {
      bound(at, *point, shape);
    }
  }
  spread(predictions);
  for (Prediction& at : predictions) {
    if (!(at.size.share == rightsize::Share{})) {
      at.speed = {whole.value / at.seconds.value,
                  whole.low / at.seconds.high,
                  whole.high / at.seconds.low};
    }
  }
}

}  // namespace mig::advise
