// SPDX-License-Identifier: Apache-2.0
#include "advise/rightsize.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Check;
using rightsize::Choice;
using rightsize::Fit;
using rightsize::Interval;
using rightsize::Prediction;
using rightsize::Shape;
using rightsize::Size;
using rightsize::Target;
using rightsize::TargetKind;

// Rounding of a quotient must not decide whether a target is met exactly.
constexpr double kRounding = 1e-9;
constexpr double kLeastSecondShare = 0.2;
constexpr std::size_t kLeastChecks = 5;
constexpr double kCovered = 0.9;
constexpr double kNarrowest = 0.5, kWidest = 10;
constexpr double kBound = 0.5;  // of the time: a job is bound by what takes so much

bool certain(const Prediction& at, const Target& target) {
  switch (target.kind) {
    case TargetKind::kSpeed:
      return at.speed.low >= target.value * (1 - kRounding);
    case TargetKind::kDeadline:
    case TargetKind::kLatency:
      return at.seconds.high * target.units <= target.value * (1 + kRounding);
    case TargetKind::kCost:
      break;
  }
  return false;
}

bool likely(const Prediction& at, const Target& target) {
  return target.kind == TargetKind::kSpeed
             ? at.speed.value >= target.value * (1 - kRounding)
             : at.seconds.value * target.units <= target.value * (1 + kRounding);
}

bool possible(const Prediction& at, const Target& target) {
  return target.kind == TargetKind::kSpeed
             ? at.speed.high >= target.value * (1 - kRounding)
             : at.seconds.low * target.units <= target.value * (1 + kRounding);
}

Choice none(const Target& target, std::string why) {
  Choice choice;
  choice.target = target;
  choice.why = std::move(why);
  return choice;
}

bool was_run(const Prediction& at) {
  return at.by_mps || at.basis == Basis::kMeasured;
}

// What a prediction is worth that comes from a run under MPS.
std::string mps_words(const Prediction& at) {
  if (!at.by_mps) {
    return "";
  }
  return at.basis == Basis::kMeasured
             ? " by MPS, with too little memory traffic for an instance's bandwidth to matter"
             : "; the better bound was measured by MPS, which does not limit the bandwidth";
}

// What would decide between what is open.
std::string what_next(const Prediction& at) {
  if (at.basis == Basis::kMps) {
    return ", so that only a run on an instance of it decides";
  }
  return at.basis == Basis::kMeasured ? " by the noise of its run: measure longer there"
                                      : ", so measure there";
}

std::string in_words(const Prediction& at, const Target& target) {
  if (target.kind == TargetKind::kSpeed) {
    return fmt::format("{} keeps {:.0f} % ({:.0f} to {:.0f}){}",
                       at.size.profile,
                       100 * at.speed.value,
                       100 * at.speed.low,
                       100 * at.speed.high,
                       mps_words(at));
  }
  return fmt::format("{} takes {:.4g} s ({:.4g} to {:.4g}){}",
                     at.size.profile,
                     target.units * at.seconds.value,
                     target.units * at.seconds.low,
                     target.units * at.seconds.high,
                     mps_words(at));
}

Choice smallest(const std::vector<const Prediction*>& fitting, const Target& target) {
  Choice choice;
  choice.target = target;
  const auto sure = std::find_if(
      fitting.begin(), fitting.end(), [&](const Prediction* at) { return certain(*at, target); });
  std::vector<const Prediction*> open;
  std::copy_if(fitting.begin(), sure, std::back_inserter(open), [&](const Prediction* at) {
    return possible(*at, target);
  });
  if (sure != fitting.end()) {
    choice.profile = (*sure)->size.profile;
    choice.why = in_words(**sure, target);
  }
  if (open.empty()) {
    choice.verdict =
        sure == fitting.end() ? rightsize::Verdict::kNone : rightsize::Verdict::kChosen;
    if (sure == fitting.end()) {
      choice.why = "no profile is fast enough: " + in_words(*fitting.back(), target);
    } else if (sure != fitting.begin()) {
      choice.why += "; " + in_words(**std::prev(sure), target);
    } else {
      choice.why += "; none that holds it is smaller";
    }
    return choice;
  }
  const auto good = std::find_if(
      open.begin(), open.end(), [&](const Prediction* at) { return likely(*at, target); });
  const Prediction& measure = good == open.end() ? *open.back() : **good;
  choice.verdict = rightsize::Verdict::kUndecided;
  choice.measure = measure.size.profile;
  choice.why += (choice.why.empty() ? "" : "; ") + in_words(measure, target) + what_next(measure);
  return choice;
}

Choice cheapest(const std::vector<const Prediction*>& fitting, const Target& target) {
  const auto by = [](double Interval::*bound) {
    return [bound](const Prediction* a, const Prediction* b) {
      return a->size.price_share * (a->seconds.*bound) < b->size.price_share * (b->seconds.*bound);
    };
  };
  const Prediction& best = **std::min_element(fitting.begin(), fitting.end(), by(&Interval::value));
  std::vector<const Prediction*> others;
  std::copy_if(fitting.begin(), fitting.end(), std::back_inserter(others), [&](const auto* at) {
    return at != &best;
  });
  Choice choice;
  choice.target = target;
  choice.verdict = rightsize::Verdict::kChosen;
  choice.profile = best.size.profile;
  const double cost = best.size.price_share * best.seconds.value;
  choice.why = fmt::format("{} pays {:.3g} GPU-seconds a unit", best.size.profile, cost);
  if (others.empty()) {
    return choice;
  }
  const Prediction& rival = **std::min_element(others.begin(), others.end(), by(&Interval::low));
  choice.why +=
      fmt::format(", {} {:.3g}", rival.size.profile, rival.size.price_share * rival.seconds.value);
  if (rival.size.price_share * rival.seconds.low < best.size.price_share * best.seconds.high) {
    choice.verdict = rightsize::Verdict::kUndecided;
    // What was not run yet tells most; else an instance of what MPS could not decide.
    const bool other = was_run(best) && (!was_run(rival) || best.basis == Basis::kMeasured);
    const Prediction& measure = other ? rival : best;
    choice.measure = measure.size.profile;
    choice.why += "; their intervals overlap at " + choice.measure + what_next(measure);
  }
  return choice;
}

}  // namespace

bool holds(const Size& size, std::uint64_t peak_memory_mib, double memory_margin) {
  return static_cast<double>(peak_memory_mib) * (1 + memory_margin) <=
         static_cast<double>(size.memory_mib);
}

std::vector<Prediction> predict(const Slowdown& slowdown,
                                const std::vector<Size>& sizes,
                                std::optional<std::uint64_t> peak_memory_mib,
                                double memory_margin) {
  const Interval whole = slowdown.at({}).seconds;
  std::vector<Prediction> predictions;
  for (const Size& size : sizes) {
    Prediction at;
    at.size = size;
    const Slowdown::Answer answer = slowdown.at(size.share);
    at.basis = answer.basis;
    at.seconds = answer.seconds;
    const bool is_whole = size.share == rightsize::Share{};
    at.speed = is_whole ? Interval{1, 1, 1}
                        : Interval{whole.value / at.seconds.value,
                                   whole.low / at.seconds.high,
                                   whole.high / at.seconds.low};
    if (peak_memory_mib) {
      at.fits = holds(size, *peak_memory_mib, memory_margin);
    }
    predictions.push_back(std::move(at));
  }
  return predictions;
}

Choice choose(const std::vector<Prediction>& predictions, const Target& target) {
  std::vector<const Prediction*> fitting;
  for (const Prediction& at : predictions) {
    if (at.fits.value_or(true)) {
      fitting.push_back(&at);
    }
  }
  if (predictions.empty()) {
    return none(target, "this GPU offers no profile");
  }
  if (fitting.empty()) {
    return none(target, "no profile has the memory that was measured");
  }
  return target.kind == TargetKind::kCost ? cheapest(fitting, target) : smallest(fitting, target);
}

std::string next_run(const std::vector<Prediction>& predictions, const Choice& choice) {
  if (choice.verdict != rightsize::Verdict::kUndecided) {
    return "";
  }
  const auto named = std::find_if(predictions.begin(), predictions.end(), [&](const auto& at) {
    return at.size.profile == choice.measure;
  });
  for (auto at = named; at != predictions.end(); ++at) {
    const bool open = at->fits.value_or(true) &&
                      (choice.target.kind == TargetKind::kCost
                           ? at == named
                           : possible(*at, choice.target) && !certain(*at, choice.target));
    if (open && !was_run(*at)) {
      return at->size.profile;
    }
  }
  return "";
}

const Size* second_size(const std::vector<Size>& sizes,
                        std::optional<std::uint64_t> peak_memory_mib,
                        double memory_margin) {
  for (const Size& size : sizes) {
    if (size.share.sm >= kLeastSecondShare && size.share.sm < 1 &&
        (!peak_memory_mib || holds(size, *peak_memory_mib, memory_margin))) {
      return &size;
    }
  }
  return nullptr;
}

std::string host_words(std::optional<double> host_share, const std::optional<Fit>& fit) {
  if (host_share) {
    const int percent = static_cast<int>(std::lround(100 * *host_share));
    return *host_share >= kBound
               ? fmt::format(
                     "host-bound: for {} % of the time the GPU waits for the host; a "
                     "smaller instance is nearly as fast, and larger batches or more "
                     "workers would use more of it",
                     percent)
               : fmt::format("the GPU works for {} % of the time", 100 - percent);
  }
  if (fit && fit->fixed_share) {
    const int percent = static_cast<int>(std::lround(100 * (1 - *fit->fixed_share)));
    return fmt::format(
        "by the fit the device's own work is {} % of a unit's time on the whole GPU"
        "{} (derived, not measured)",
        percent,
        *fit->fixed_share >= kBound
            ? ": host-bound there, so that smaller shares cost little at first"
            : "");
  }
  return "not known how much of the time the GPU waits for the host";
}

std::optional<double> off_by(const Check& check) {
  const double half = check.measured > check.predicted.value
                          ? check.predicted.high - check.predicted.value
                          : check.predicted.value - check.predicted.low;
  if (check.basis == Basis::kMeasured || !(half > 0)) {
    return std::nullopt;
  }
  return std::abs(check.measured - check.predicted.value) / half;
}

Shape recalibrated(const Shape& shape, std::vector<double> errors) {
  if (errors.size() < kLeastChecks) {
    return shape;
  }
  std::sort(errors.begin(), errors.end());
  const auto at =
      static_cast<std::size_t>(std::ceil(kCovered * static_cast<double>(errors.size()))) - 1;
  Shape own = shape;
  own.width = shape.width * std::clamp(errors[at], kNarrowest, kWidest);
  return own;
}

}  // namespace mig::advise
