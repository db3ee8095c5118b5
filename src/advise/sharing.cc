// SPDX-License-Identifier: Apache-2.0
#include "advise/sharing.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mig::advise {
namespace {

using isolation::Estimate;
using sharing::Advice;
using sharing::Choice;
using sharing::Rule;

std::string text_of(const Estimate& estimate) {
  return estimate.low && estimate.high
             ? fmt::format(
                   "x{:.2f} ({:.2f}..{:.2f})", estimate.value, *estimate.low, *estimate.high)
             : fmt::format("x{:.2f} (one round: no interval)", estimate.value);
}

// True when the whole interval is above `limit`; one round proves nothing.
bool surely_above(const std::optional<Estimate>& estimate, double limit) {
  return estimate && estimate->low && *estimate->low > limit;
}

// The gain of MPS: with limits where that is not surely worse, as limits cost nothing then.
std::pair<std::optional<Estimate>, const char*> best_mps(const SharingFacts& facts) {
  if (facts.mps_limits_gain && facts.mps_gain &&
      facts.mps_limits_gain->value > facts.mps_gain->value) {
    return {facts.mps_limits_gain, "MPS with limits"};
  }
  return facts.mps_gain ? std::pair(facts.mps_gain, "MPS")
                        : std::pair(facts.mps_limits_gain, "MPS with limits");
}

// Why MIG cannot serve here; "" = it can, as far as is known.
std::string no_mig(const SharingFacts& facts) {
  if (!facts.mig_possible) {
    return "the board has no MIG";
  }
  if (facts.wishes.linked) {
    return "instances have no NVLink and no P2P";
  }
  if (facts.fits_instance == false) {
    return "a job does not fit an instance";
  }
  return {};
}

Rule isolation_rule(const SharingFacts& facts, Choice& choice) {
  Rule rule{"isolation",
            "tenants that do not trust each other, or a guarantee of latency or survival: MIG",
            facts.wishes.untrusted || facts.wishes.guarantee,
            {}};
  if (!rule.fired) {
    rule.because = "neither --untrusted nor --guarantee was said";
    return rule;
  }
  rule.because = facts.wishes.untrusted ? "--untrusted" : "--guarantee";
  const std::string why = no_mig(facts);
  choice = why.empty() ? Choice::kMig : Choice::kWholeGpu;
  rule.because += why.empty() ? "" : ", but " + why + ": a GPU each";
  return rule;
}

// The better of MPS and time-slicing, and the other. At least one of them was measured.
struct AtOnce {
  std::optional<Estimate> mps, sliced;
  const char* mps_name;

  bool by_mps() const { return mps && (!sliced || mps->value > sliced->value); }

  const std::optional<Estimate>& best() const { return by_mps() ? mps : sliced; }

  std::string text() const {
    const char* best_name = by_mps() ? mps_name : "time-slicing";
    const std::string words =
        fmt::format("{} does {} of the work of one after another", best_name, text_of(*best()));
    if (!mps || !sliced) {
      return words + (mps ? "; time-slicing was not measured" : "; MPS was not measured here");
    }
    return fmt::format("{}, {} {}",
                       words,
                       by_mps() ? "time-slicing" : mps_name,
                       text_of(by_mps() ? *sliced : *mps));
  }
};

Rule gain_rule(const SharingFacts& facts, Choice& choice) {
  Rule rule{
      "gain",
      fmt::format("one user's jobs that leave the GPU idle (at once they surely do x{} of the "
                  "work of one after another): MPS, or time-slicing where that does as much",
                  kWorthwhileGain),
      false,
      {}};
  const auto [mps, name] = best_mps(facts);
  const AtOnce at_once{mps, facts.time_slicing_gain, name};
  if (!at_once.best()) {
    rule.because = "neither MPS nor time-slicing was measured here";
    return rule;
  }
  rule.because = at_once.text();
  if (facts.fits_together == false) {
    rule.because += "; not all jobs lived together";
    return rule;
  }
  rule.fired = surely_above(at_once.best(), kWorthwhileGain);
  if (rule.fired) {
    choice = at_once.by_mps() ? Choice::kMps : Choice::kTimeSlicing;
    const bool at_will = facts.wishes.changing && at_once.by_mps();
    rule.because += at_will ? "; --changing: MPS needs no layout" : "";
  }
  return rule;
}

Rule bursty_rule(const SharingFacts& facts, Choice& choice) {
  Rule rule{"bursty", "mostly idle, memory fits together, no guarantee: time-slicing", false, {}};
  if (!facts.wishes.bursty) {
    rule.because = "--bursty was not said";
  } else if (!facts.fits_together) {
    rule.because = "--bursty, but whether the jobs fit together was not measured";
  } else if (!*facts.fits_together) {
    rule.because = "--bursty, but not all jobs lived together";
  } else {
    rule.fired = true;
    rule.because = "--bursty, and all jobs lived together";
    choice = Choice::kTimeSlicing;
  }
  return rule;
}

// The gain of jobs at once, in the best way that was measured, tells how much of the GPU one uses.
std::optional<Estimate> best_gain(const SharingFacts& facts) {
  std::optional<Estimate> best;
  for (const auto& gain : {facts.time_slicing_gain, facts.mps_gain, facts.mps_limits_gain}) {
    if (gain && (!best || gain->value > best->value)) {
      best = gain;
    }
  }
  return best;
}

Rule filled_rule(const SharingFacts& facts, Choice& choice) {
  Rule rule{
      "filled",
      "one job uses more than half of the GPU, or needs NVLink, P2P or NCCL at full speed, or "
      "more memory than an instance has: whole GPU",
      true,
      {}};
  const auto gain = best_gain(facts);
  if (facts.wishes.linked) {
    rule.because = "--linked";
  } else if (facts.fits_instance == false) {
    rule.because = "a job does not fit the largest instance";
  } else if (gain && gain->high && *gain->high < 1 / kFills) {
    rule.because = fmt::format(
        "jobs at once do {} of the work of one after another, so one alone uses {:.0f} % of what "
        "the GPU can do for them",
        text_of(*gain),
        100 / std::max(1.0, gain->value));
  } else {
    rule.fired = false;
    rule.because = gain ? "jobs at once do " + text_of(*gain) + " of the work of one after another"
                        : "no way with jobs at once was measured";
  }
  if (rule.fired) {
    choice = Choice::kWholeGpu;
  }
  return rule;
}

Rule many_rule(const SharingFacts& facts, Choice& choice) {
  Rule rule{"many", "many processes of one model: MIG, with MPS inside the instances", false, {}};
  const std::string why = no_mig(facts);
  if (!facts.wishes.same_model) {
    rule.because = "--same-model was not said";
  } else if (!why.empty()) {
    rule.because = "--same-model, but " + why;
  } else {
    rule.fired = true;
    rule.because = "--same-model";
    choice = Choice::kMigWithMps;
  }
  return rule;
}

const char* text_of(Choice choice) {
  switch (choice) {
    case Choice::kMig:
      return "MIG: an instance for each";
    case Choice::kMps:
      return "MPS, with limits where one job must not starve another";
    case Choice::kTimeSlicing:
      return "time-slicing: nothing to set up";
    case Choice::kWholeGpu:
      return "a whole GPU for each, or one job after another";
    case Choice::kMigWithMps:
      return "MIG, with MPS inside the instances";
    case Choice::kUndecided:
      break;
  }
  return "not decided: no rule fired; say what the jobs need, or measure in more rounds";
}

void warn(const SharingFacts& facts, Advice& advice) {
  auto& warnings = advice.warnings;
  if (advice.choice == Choice::kMig || advice.choice == Choice::kMigWithMps) {
    warnings.emplace_back(
        "MIG does not hide what runs: memory barriers of one instance disturb the L2 timing of "
        "others (USENIX Security 2026, \"Behind Bars\"), and PCIe, the last-level TLB, power and "
        "clocks are shared");
  }
  if (advice.choice == Choice::kMps) {
    warnings.emplace_back(facts.fault_kills_mps == true
                              ? "a fault of one job killed the other under MPS here"
                              : "a fault of one client of MPS may end all of them");
  }
  if (advice.choice == Choice::kTimeSlicing && facts.hog_kills == true) {
    warnings.emplace_back("a job that takes all memory killed the other here: nothing caps it");
  }
}

}  // namespace

Advice advise_sharing(const SharingFacts& facts) {
  Advice advice;
  using Ask = Rule (*)(const SharingFacts&, Choice&);
  for (const Ask ask : {isolation_rule, gain_rule, bursty_rule, filled_rule, many_rule}) {
    advice.rules.push_back(ask(facts, advice.choice));
    if (advice.rules.back().fired) {
      break;
    }
  }
  advice.text = text_of(advice.choice);
  warn(facts, advice);
  return advice;
}

}  // namespace mig::advise
