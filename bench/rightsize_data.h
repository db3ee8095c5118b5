// SPDX-License-Identifier: Apache-2.0
// The public measurements that right-sizing is judged by, and rules to choose a profile with.
// Threading: plain values and pure functions.
#ifndef MIGCTL_BENCH_RIGHTSIZE_DATA_H_
#define MIGCTL_BENCH_RIGHTSIZE_DATA_H_

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/rightsize_values.h"

namespace mig::bench {

// A job of a data set: its time on each profile that held it.
struct Job {
  std::string family;  // "resnet"
  std::string name;    // "resnet b64"
  std::vector<rightsize::Size> sizes;  // that held it, smallest first; the last is the whole GPU
  std::vector<double> seconds;         // of a unit, for each size
};

struct DataSet {
  std::string name, source;
  std::vector<Job> jobs;
};

// MISO's trainings (A100-40GB) and ParvaGPU's inferences of one process (A100-80GB); jobs without
// a time on the whole GPU are left out.
Result<DataSet> read_miso(const std::string& file);
Result<DataSet> read_parvagpu(const std::string& file);

inline constexpr std::array kSpeeds = {0.5, 0.7, 0.8, 0.9, 0.95};

// How choices compare with the smallest profile that keeps the speed.
struct Score {
  int exact = 0, big = 0, small = 0, undecided = 0;
  int measurements = 0;  // beyond the first two

  int jobs() const { return exact + big + small; }
};

using Scores = std::array<Score, kSpeeds.size()>;  // for each of kSpeeds

// Errors of predicted times, of profiles that were not measured.
struct Errors {
  std::vector<double> relative;  // |predicted / true - 1|

  double mean() const;
  double median() const;
};

// Which run stands beside the one on the whole GPU: one for all jobs.
enum class Second {
  kTwoSlices,  // 2g, or the smallest larger one that holds the job
  kSmallest,   // the smallest profile that holds the job
};

// A choice without a model: an index of Job::sizes.
using Rule = std::size_t (*)(const Job& job, double speed);
std::size_t smallest_that_fits(const Job& job, double speed);
std::size_t by_sm_share(const Job& job, double speed);
// The profile whose share of SMs is at least the job's SM activity, here what the two-point fit
// says of it: neither data set has the activity itself.
std::size_t by_activity(const Job& job, double speed);

Scores score_of(const std::vector<const Job*>& jobs, Rule rule);
// For a rule that knows a job's activity and not its target, each job has one profile for all
// targets. This takes the best one with hindsight, and of equals the larger.
Scores best_without_target(const std::vector<const Job*>& jobs);

// The model's choices. `most_measurements`: how many undecided choices may be followed by a further
// run on the profile that they name. `guess`: by the value instead of the interval.
struct Way {
  Second second = Second::kTwoSlices;
  int most_measurements = 0;
  bool guess = false;
};

Scores score_of(const std::vector<const Job*>& jobs, const rightsize::Shape& shape, Way way);

Errors errors_of_share(const std::vector<const Job*>& jobs);
Errors errors_of(const std::vector<const Job*>& jobs, const rightsize::Shape& shape, Second second);
// The share of true times inside the predicted interval.
double covered(const std::vector<const Job*>& jobs, const rightsize::Shape& shape, Second second);

// The shape that these jobs choose: weight and overlap by the mean error, then the width that
// covers 95 % of the times between the two measured ones. `base` has noise and beyond.
rightsize::Shape fitted(const std::vector<const Job*>& jobs, const rightsize::Shape& base);

}  // namespace mig::bench

#endif  // MIGCTL_BENCH_RIGHTSIZE_DATA_H_
