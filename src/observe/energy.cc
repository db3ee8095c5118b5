// SPDX-License-Identifier: Apache-2.0
#include "observe/energy.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "observe/units.h"

namespace mig::observe {
namespace {

constexpr double kMillijoules = 1e3;  // of a joule
constexpr double kRounding = 1e-6;    // of doubles, against a part of 2.9999999 mJ
// Weight of DRAM activity beside SM activity. Assumed: of the power above idle, an H200 draws about
// two thirds for SMs and tensor cores and one third for its memory.
constexpr double kDramWeight = 0.5;

}  // namespace

void BoardEnergy::add_to(std::map<std::uint64_t, Sum>& sums,
                         bool& unknown,
                         const std::vector<InstanceLoad>& loads,
                         double span) {
  for (const InstanceLoad& load : loads) {
    Sum& sum = sums[load.generation];
    sum.floor += load.sm_share * span;
    sum.busy += load.has_process ? load.sm_share * span : 0;
    if (load.sm || load.dram) {
      sum.active += (std::max(load.sm.value_or(0), 0.0) * load.sm_share +
                     kDramWeight * std::max(load.dram.value_or(0), 0.0) * load.memory_share) *
                    span;
    } else {
      unknown = true;
    }
  }
}

// What is divided among instances: the idle floor by their share of all SMs, what is above it by
// what they did.
class BoardEnergy::Division {
 public:
  // `whole`: the time. Shares of all SMs add up to less than all of it, unless a driver reports
  // more SMs for instances than for the board.
  Division(const std::map<std::uint64_t, Sum>& sums, bool unknown, double whole)
      : unknown_(unknown), whole_(whole) {
    double shares = 0;
    for (const auto& [generation, sum] : sums) {
      shares += sum.floor;
      all_weights_ += weight_of(sum);
    }
    whole_ = std::max(whole_, shares);
  }

  double part_of(const Sum& sum, double floor, double above) const {
    const double part = whole_ > 0 ? floor * sum.floor / whole_ : 0;
    return part + (all_weights_ > 0 ? above * weight_of(sum) / all_weights_ : 0);
  }

 private:
  double weight_of(const Sum& sum) const { return unknown_ ? sum.busy : sum.active; }

  bool unknown_;
  double whole_;
  double all_weights_ = 0;
};

void BoardEnergy::add(const std::vector<InstanceLoad>& loads, std::chrono::nanoseconds time) {
  observed_ += seconds(time);
  add_to(sums_, unknown_, loads, seconds(time));
}

void BoardEnergy::read(std::uint64_t counter_mj, std::optional<std::chrono::nanoseconds> since) {
  if (!counted_) {
    counted_ = true;
    state_.total_mj = counter_mj;
    state_.unattributed_mj = counter_mj;
  } else {
    // A counter that is less than before began anew at 0: the driver was loaded again.
    const std::uint64_t delta =
        counter_mj >= state_.counter_mj ? counter_mj - state_.counter_mj : counter_mj;
    state_.total_mj += delta;
    state_.unattributed_mj += delta;
    if (since && since->count() > 0 && counter_mj >= state_.counter_mj) {
      split(delta, seconds(*since));
    }
  }
  state_.counter_mj = counter_mj;
  sums_.clear();
  observed_ = 0;
  unknown_ = false;
}

// Moves an instance's part from nobody's, whole millijoules of at most `left`; returns what is
// left.
std::uint64_t BoardEnergy::give(std::uint64_t generation, double millijoules, std::uint64_t left) {
  const auto part = static_cast<std::uint64_t>(
      std::clamp(std::floor(millijoules + kRounding), 0.0, static_cast<double>(left)));
  state_.unattributed_mj -= part;
  if (sums_.at(generation).gone) {
    state_.gone_mj += part;
  } else {
    state_.instances_mj[generation] += part;
  }
  return left - part;
}

void BoardEnergy::split(std::uint64_t delta_mj, double span) {
  const double watts = static_cast<double>(delta_mj) / kMillijoules / span;
  state_.floor_watts = std::min(state_.floor_watts.value_or(watts), watts);
  const double observed = std::min(observed_, span);
  const double energy = static_cast<double>(delta_mj) * observed / span;
  const double floor_energy = std::min(*state_.floor_watts * observed * kMillijoules, energy);
  method_ = unknown_ ? kBySlices : kBySmAndDram;
  const Division division(sums_, unknown_, observed_);
  std::uint64_t left = delta_mj;
  for (const auto& [generation, sum] : sums_) {
    left = give(generation, division.part_of(sum, floor_energy, energy - floor_energy), left);
  }
}

std::map<std::uint64_t, double> BoardEnergy::parts_of(
    double watts, const std::vector<InstanceLoad>& loads) const {
  std::map<std::uint64_t, double> out;
  if (!state_.floor_watts) {
    return out;
  }
  std::map<std::uint64_t, Sum> sums;
  bool unknown = false;
  add_to(sums, unknown, loads, 1);
  const double floor = std::min(*state_.floor_watts, watts);
  const Division division(sums, unknown, 1);
  for (const auto& [generation, sum] : sums) {
    out[generation] = division.part_of(sum, floor, watts - floor);
  }
  return out;
}

void BoardEnergy::keep_only(const std::vector<std::uint64_t>& generations) {
  const auto there = [&](std::uint64_t generation) {
    return std::find(generations.begin(), generations.end(), generation) != generations.end();
  };
  for (auto instance = state_.instances_mj.begin(); instance != state_.instances_mj.end();) {
    if (there(instance->first)) {
      ++instance;
      continue;
    }
    state_.gone_mj += instance->second;
    instance = state_.instances_mj.erase(instance);
  }
  for (auto& [generation, sum] : sums_) {
    sum.gone = sum.gone || !there(generation);
  }
}

std::uint64_t BoardEnergy::of_instance(std::uint64_t generation) const {
  const auto found = state_.instances_mj.find(generation);
  return found == state_.instances_mj.end() ? 0 : found->second;
}

}  // namespace mig::observe
