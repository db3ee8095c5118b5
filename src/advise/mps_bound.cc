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

// Of the run's time: at most so much was spent at the memory's full speed.
double memory_part(std::optional<double> dram) {
  return dram ? std::clamp(*dram / kStreamActivity, 0.0, 1.0) : 1;
}

// Of a unit: time that the memory would take alone at its full speed, at most.
double traffic_of(const std::vector<MpsPoint>& points) {
  double most = 0;
  for (const MpsPoint& point : points) {
    most = std::max(most, point.seconds * memory_part(point.dram));
  }
  return most;
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

// Not run: what the runs say of its multiprocessors, and the most that its bandwidth adds.
void bound(Prediction& at, const Slowdown& slowdown, double traffic) {
  const Slowdown::Answer answer = slowdown.at({at.size.share.sm, 1});
  const double high = answer.seconds.high + traffic * (1 / at.size.share.bandwidth - 1);
  at.basis = answer.basis;
  at.seconds = {std::clamp(at.seconds.value, answer.seconds.low, high), answer.seconds.low, high};
}

}  // namespace

double most_stretch(std::optional<double> dram, double bandwidth) {
  return 1 + memory_part(dram) * (1 / bandwidth - 1);
}

void bound_by_mps(std::vector<Prediction>& predictions,
                  const std::vector<MpsPoint>& points,
                  const Slowdown& slowdown,
                  const Shape& shape) {
  const Interval whole = slowdown.at({}).seconds;
  const double traffic = traffic_of(points);
  for (Prediction& at : predictions) {
    if (at.size.share == rightsize::Share{}) {
      continue;
    }
    const auto point = std::find_if(
        points.begin(), points.end(), [&](const MpsPoint& one) { return stands_for(one, at); });
    if (point != points.end()) {
      bound(at, *point, shape);
    } else {
      bound(at, slowdown, traffic);
    }
    at.speed = {
        whole.value / at.seconds.value, whole.low / at.seconds.high, whole.high / at.seconds.low};
  }
}

}  // namespace mig::advise
