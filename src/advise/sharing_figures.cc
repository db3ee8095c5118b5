// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <vector>

#include "advise/isolation.h"
#include "advise/sharing.h"
#include "advise/student.h"

namespace mig::advise {
namespace {

using isolation::Estimate;
using sharing::JobRun;
using sharing::Report;
using sharing::Round;
using sharing::Way;
using sharing::WayReport;

bool all_lived(const Round& round) {
  return !round.jobs.empty() &&
         std::all_of(
             round.jobs.begin(), round.jobs.end(), [](const JobRun& job) { return job.lived; });
}

// Jobs that run one after another have the machine for a part of the time each.
double part_of_time(Way way, const Round& round) {
  return way == Way::kExclusive ? 1.0 / static_cast<double>(round.jobs.size()) : 1.0;
}

double throughput(Way way, const Round& round) {
  double sum = 0;
  for (const JobRun& job : round.jobs) {
    sum += job.per_second;
  }
  return sum * part_of_time(way, round);
}

// Geometric mean and interval of positive values.
std::optional<Estimate> mean(const std::vector<double>& values, double confidence) {
  return paired_ratio(std::vector<double>(values.size(), 1.0), values, confidence);
}

double jain(const Round& round) {
  double sum = 0;
  double squares = 0;
  for (const JobRun& job : round.jobs) {
    sum += job.per_second;
    squares += job.per_second * job.per_second;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(round.jobs.size()) * squares) : 0;
}

double least_share(const Round& round) {
  const auto [least, most] = std::minmax_element(
      round.jobs.begin(), round.jobs.end(), [](const JobRun& one, const JobRun& other) {
        return one.per_second < other.per_second;
      });
  return most->per_second > 0 ? least->per_second / most->per_second : 0;
}

// Both are at most 1 by their definition; the interval's arithmetic does not know that.
std::optional<Estimate> at_most_one(std::optional<Estimate> estimate) {
  if (estimate && estimate->high) {
    estimate->high = std::min(1.0, *estimate->high);
  }
  return estimate;
}

std::optional<double> latency(const Round& round, std::optional<double> JobRun::*part, bool worst) {
  std::vector<double> values;
  for (const JobRun& job : round.jobs) {
    if (!(job.*part)) {
      return std::nullopt;
    }
    values.push_back(*(job.*part));
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return worst ? values.back() : median;
}

// Values of the rounds in which all jobs lived and that tell them.
template <class Value>
std::vector<double> over_rounds(const WayReport& way, const Value& value) {
  std::vector<double> values;
  for (const Round& round : way.rounds) {
    if (!all_lived(round)) {
      continue;
    }
    if (const std::optional<double> one = value(round)) {
      values.push_back(*one);
    }
  }
  return values;
}

std::optional<double> joules_per_unit(Way way, const Round& round) {
  const double units = throughput(way, round) * round.seconds;
  return round.energy_joules && units > 0 ? std::optional(*round.energy_joules / units)
                                          : std::nullopt;
}

std::optional<Estimate> gain(const WayReport& base, const WayReport& way, double confidence) {
  std::vector<double> first;
  std::vector<double> second;
  for (std::size_t i = 0; i < std::min(base.rounds.size(), way.rounds.size()); ++i) {
    if (all_lived(base.rounds[i]) && all_lived(way.rounds[i])) {
      first.push_back(throughput(base.way, base.rounds[i]));
      second.push_back(throughput(way.way, way.rounds[i]));
    }
  }
  return paired_ratio(first, second, confidence);
}

void sum_up(WayReport& way, const WayReport* base, std::uint32_t jobs, double confidence) {
  sharing::Figures& figures = way.figures;
  const auto estimate = [&](const auto& value) {
    return mean(over_rounds(way, value), confidence);
  };
  using Told = std::optional<double>;
  figures.throughput =
      estimate([&](const Round& round) -> Told { return throughput(way.way, round); });
  for (std::uint32_t i = 0; i < jobs; ++i) {
    figures.per_job.push_back(estimate([&](const Round& round) -> Told {
      return i < round.jobs.size() ? Told(round.jobs[i].per_second * part_of_time(way.way, round))
                                   : std::nullopt;
    }));
  }
  figures.step_ms_p50 =
      estimate([](const Round& round) { return latency(round, &JobRun::step_ms_p50, false); });
  figures.step_ms_p99 =
      estimate([](const Round& round) { return latency(round, &JobRun::step_ms_p99, true); });
  figures.jain = at_most_one(estimate([](const Round& round) -> Told { return jain(round); }));
  figures.least_share =
      at_most_one(estimate([](const Round& round) -> Told { return least_share(round); }));
  figures.joules_per_unit =
      estimate([&](const Round& round) { return joules_per_unit(way.way, round); });
  if (base != nullptr) {
    figures.gain = gain(*base, way, confidence);
  }
  for (const Round& round : way.rounds) {
    for (const JobRun& job : round.jobs) {
      figures.died += job.lived ? 0 : 1;
    }
  }
}

const WayReport* find(const Report& report, Way wanted) {
  for (const WayReport& way : report.ways) {
    if (way.way == wanted && way.skipped.empty()) {
      return &way;
    }
  }
  return nullptr;
}

std::optional<Estimate> gain_of(const Report& report, Way wanted) {
  const WayReport* way = find(report, wanted);
  return way == nullptr ? std::nullopt : way->figures.gain;
}

std::optional<bool> killed(const WayReport* way, const std::string& kind) {
  std::optional<bool> found;
  if (way == nullptr) {
    return found;
  }
  for (const isolation::Cell& cell : way->neighbours) {
    if (cell.neighbour.rfind(kind, 0) == 0 &&
        cell.verdict.finding != isolation::Finding::kUndecided) {
      found = found.value_or(false) || cell.verdict.finding == isolation::Finding::kKilled;
    }
  }
  return found;
}

std::optional<std::uint64_t> most_memory(const Report& report) {
  std::optional<std::uint64_t> most;
  for (const WayReport& way : report.ways) {
    for (const Round& round : way.rounds) {
      for (const JobRun& job : round.jobs) {
        if (job.memory_bytes) {
          most = std::max(most.value_or(0), *job.memory_bytes);
        }
      }
    }
  }
  return most;
}

}  // namespace

void sum_up(Report& report) {
  const WayReport* base = find(report, Way::kExclusive);
  for (WayReport& way : report.ways) {
    way.figures = {};
    sum_up(way, base, report.jobs, report.confidence);
    isolation::Criteria criteria;
    criteria.confidence = report.confidence;
    for (isolation::Cell& cell : way.neighbours) {
      cell.verdict = judge(way.alone, cell.samples, criteria);
    }
  }
}

SharingFacts facts_of(const Report& report,
                      const std::optional<std::uint64_t>& largest_instance_mib) {
  SharingFacts facts;
  facts.wishes = report.wishes;
  facts.mig_possible = largest_instance_mib.has_value();
  facts.time_slicing_gain = gain_of(report, Way::kTimeSlicing);
  facts.mps_gain = gain_of(report, Way::kMps);
  facts.mps_limits_gain = gain_of(report, Way::kMpsLimits);
  facts.mig_gain = gain_of(report, Way::kMig);
  const WayReport* sliced = find(report, Way::kTimeSlicing);
  const WayReport* mps = find(report, Way::kMps);
  for (const WayReport* together : {sliced, mps}) {
    if (together != nullptr && !together->rounds.empty()) {
      facts.fits_together = facts.fits_together.value_or(true) && together->figures.died == 0;
    }
  }
  if (const WayReport* mig = find(report, Way::kMig); mig != nullptr && !mig->rounds.empty()) {
    facts.fits_instance = mig->figures.died == 0;
  } else if (const auto memory = most_memory(report); memory && largest_instance_mib) {
    facts.fits_instance = (*memory >> 20U) < *largest_instance_mib;
  }
  facts.hog_kills = killed(sliced, "hog memory");
  facts.fault_kills_mps = killed(mps, "fault ");
  return facts;
}

}  // namespace mig::advise
