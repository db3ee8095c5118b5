// SPDX-License-Identifier: Apache-2.0
#include "advise/isolation.h"

#include <algorithm>
#include <cstddef>

#include "advise/student.h"

namespace mig::advise {
namespace {

using isolation::Finding;
using isolation::Sample;
using isolation::Verdict;

struct Pairs {
  std::vector<double> speed_alone, speed_beside;
  std::vector<double> p50_alone, p50_beside;
  std::vector<double> p99_alone, p99_beside;
};

Pairs pairs_of(const std::vector<Sample>& alone, const std::vector<Sample>& beside) {
  Pairs pairs;
  for (std::size_t i = 0; i < std::min(alone.size(), beside.size()); ++i) {
    if (!alone[i].lived || !beside[i].lived) {
      continue;
    }
    pairs.speed_alone.push_back(alone[i].steps_per_second);
    pairs.speed_beside.push_back(beside[i].steps_per_second);
    pairs.p50_alone.push_back(alone[i].step_ms_p50);
    pairs.p50_beside.push_back(beside[i].step_ms_p50);
    pairs.p99_alone.push_back(alone[i].step_ms_p99);
    pairs.p99_beside.push_back(beside[i].step_ms_p99);
  }
  return pairs;
}

Verdict undecided(Verdict verdict, std::string why) {
  verdict.finding = Finding::kUndecided;
  verdict.why = std::move(why);
  return verdict;
}

bool lived(const Sample& sample) {
  return sample.lived;
}

// Verdict from the speed, which every completed round has.
Verdict by_interval(Verdict verdict, const isolation::Criteria& criteria) {
  if (!verdict.share) {
    return undecided(std::move(verdict), "no round gave a speed");
  }
  const isolation::Estimate& share = *verdict.share;
  if (!share.low || !share.high) {
    return undecided(std::move(verdict), "one round has no interval");
  }
  const double least = 1 - criteria.margin;
  if (*share.low >= least) {
    verdict.finding = Finding::kIsolated;
  } else if (*share.high < 1) {
    verdict.finding = Finding::kSlowed;
  } else {
    return undecided(std::move(verdict), "the interval is too wide: more rounds, or longer ones");
  }
  return verdict;
}

}  // namespace

Verdict judge(const std::vector<Sample>& alone,
              const std::vector<Sample>& beside,
              const isolation::Criteria& criteria) {
  Verdict verdict;
  const Pairs pairs = pairs_of(alone, beside);
  verdict.share = paired_ratio(pairs.speed_alone, pairs.speed_beside, criteria.confidence);
  verdict.p50_factor = paired_ratio(pairs.p50_alone, pairs.p50_beside, criteria.confidence);
  verdict.p99_factor = paired_ratio(pairs.p99_alone, pairs.p99_beside, criteria.confidence);
  verdict.long_tail = verdict.p99_factor && verdict.p99_factor->low &&
                      *verdict.p99_factor->low > criteria.tail_factor;
  if (alone.empty() || beside.empty()) {
    return undecided(std::move(verdict), "it was not run");
  }
  if (const auto dead = std::find_if_not(alone.begin(), alone.end(), lived); dead != alone.end()) {
    return undecided(std::move(verdict), "the victim fails alone: " + dead->error);
  }
  const auto killed = std::find_if(beside.begin(), beside.end(), [](const Sample& sample) {
    return !sample.lived && sample.neighbour_worked;
  });
  if (killed != beside.end()) {
    verdict.finding = Finding::kKilled;
    verdict.why = killed->error;
    return verdict;
  }
  const auto idle = std::find_if(
      beside.begin(), beside.end(), [](const Sample& sample) { return !sample.neighbour_worked; });
  if (idle != beside.end()) {
    return undecided(std::move(verdict),
                     "the neighbour did not do its work: " + idle->neighbour_error);
  }
  const auto outside = std::find_if(beside.begin(), beside.end(), [](const Sample& sample) {
    return sample.lived && sample.mps_member == false;
  });
  if (outside != beside.end()) {
    return undecided(std::move(verdict), "the victim was not a client of the MPS server");
  }
  return by_interval(std::move(verdict), criteria);
}

void judge(isolation::Report& report) {
  for (isolation::ModeReport& mode : report.modes) {
    for (isolation::Cell& cell : mode.cells) {
      cell.verdict = cell.not_run.empty() ? judge(mode.alone, cell.samples, report.criteria)
                                          : undecided({}, cell.not_run);
    }
  }
}

}  // namespace mig::advise
