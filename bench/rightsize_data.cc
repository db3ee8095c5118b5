// SPDX-License-Identifier: Apache-2.0
#include "rightsize_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "advise/rightsize.h"
#include "base/file.h"
#include "base/strings.h"
#include "catalog/catalog.h"

namespace mig::bench {
namespace {

using rightsize::Basis;
using rightsize::Prediction;
using rightsize::Shape;
using rightsize::Size;
using rightsize::Target;
using rightsize::TargetKind;

constexpr std::size_t kLargestFile = 4U << 20U;

std::vector<Size> sizes_of_board(const std::string& board) {
  const auto gpu = catalog::gpu_of(board, GpuIndex{0});
  if (!gpu) {
    return {};
  }
  std::vector<Size> sizes = rightsize::sizes_of(*gpu);
  // The data sets have no 1g of double memory.
  std::erase_if(sizes, [&](const Size& size) {
    return size.profile.rfind("1g", 0) == 0 && &size != &sizes.front() &&
           size.memory_mib > sizes.front().memory_mib;
  });
  return sizes;
}

using Times = std::map<std::string, double>;  // "2g" -> seconds

Job job_of(const std::string& family,
           const std::string& name,
           const Times& times,
           const std::vector<Size>& sizes) {
  Job job{family, name, {}, {}};
  for (const Size& size : sizes) {
    const auto at = times.find(size.profile.substr(0, size.profile.find('.')));
    if (at != times.end()) {
      job.sizes.push_back(size);
      job.seconds.push_back(at->second);
    }
  }
  return job;
}

Result<std::vector<std::vector<std::string>>> rows_of(const std::string& file, std::size_t width) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, kLargestFile));
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : base::split(text, '\n')) {
    auto row = base::split(line, ',');
    if (line.empty() || rows.empty()) {
      rows.push_back(std::move(row));  // the header, and the end
    } else if (row.size() != width) {
      return fail(ErrorCode::kInvalidInput, file + ": a line has not its columns: " + line);
    } else {
      rows.push_back(std::move(row));
    }
  }
  rows.erase(rows.begin());
  std::erase_if(rows, [&](const auto& row) { return row.size() != width; });
  return rows;
}

DataSet data_set(const char* name,
                 const char* source,
                 const std::map<std::pair<std::string, int>, Times>& jobs,
                 const std::vector<Size>& sizes) {
  DataSet set{name, source, {}};
  for (const auto& [key, times] : jobs) {
    if (times.count("7g") != 0) {
      set.jobs.push_back(
          job_of(key.first, key.first + " b" + std::to_string(key.second), times, sizes));
    }
  }
  return set;
}

std::size_t smallest_that_keeps(const Job& job, double speed) {
  const double limit = job.seconds.back() / speed * (1 + 1e-9);
  return static_cast<std::size_t>(
      std::find_if(job.seconds.begin(),
                   job.seconds.end(),
                   [&](double seconds) { return seconds <= limit; }) -
      job.seconds.begin());
}

void count(Score& score, const Job& job, std::size_t chosen, double speed) {
  const std::size_t right = smallest_that_keeps(job, speed);
  score.exact += chosen == right ? 1 : 0;
  score.big += chosen > right ? 1 : 0;
  score.small += chosen < right ? 1 : 0;
}

std::size_t index_of(const Job& job, const std::string& profile) {
  return static_cast<std::size_t>(
      std::find_if(job.sizes.begin(),
                   job.sizes.end(),
                   [&](const Size& size) { return size.profile == profile; }) -
      job.sizes.begin());
}

std::vector<std::size_t> first_two(const Job& job, Second second) {
  std::size_t other = 0;
  if (second == Second::kTwoSlices) {
    const Size* at = advise::second_size(job.sizes, std::nullopt, 0);
    other = at == nullptr ? job.sizes.size() - 1 : index_of(job, at->profile);
  }
  return {job.sizes.size() - 1, other};
}

advise::Slowdown slowdown_of(const Job& job,
                             const std::vector<std::size_t>& measured,
                             const Shape& shape) {
  std::vector<advise::Point> points;
  for (const std::size_t at : measured) {
    points.push_back({job.sizes[at].share, job.seconds[at], 0});
  }
  return *advise::Slowdown::of(points, shape);
}

std::size_t guessed(const std::vector<Prediction>& predictions, double speed) {
  const auto at = std::find_if(predictions.begin(), predictions.end(), [&](const auto& one) {
    return one.speed.value >= speed * (1 - 1e-9);
  });
  return static_cast<std::size_t>(at - predictions.begin());
}

void run_job(Score& score, const Job& job, double speed, const Shape& shape, Way way) {
  std::vector<std::size_t> measured = first_two(job, way.second);
  const Target target{TargetKind::kSpeed, speed, 1, ""};
  for (int more = 0;; ++more) {
    const auto predictions =
        advise::predict(slowdown_of(job, measured, shape), job.sizes, std::nullopt, 0);
    if (way.guess) {
      count(score, job, guessed(predictions, speed), speed);
      return;
    }
    const rightsize::Choice choice = advise::choose(predictions, target);
    if (choice.measure.empty() || more == way.most_measurements) {
      score.undecided += choice.measure.empty() ? 0 : 1;
      count(score, job, index_of(job, choice.profile), speed);
      return;
    }
    measured.push_back(index_of(job, choice.measure));
    ++score.measurements;
  }
}

// Calls with (predicted, true seconds, distance of the two measured times, whole time) for every
// profile that was not measured.
template <class Each>
void predictions_of(const std::vector<const Job*>& jobs,
                    const Shape& shape,
                    Second second,
                    const Each& each) {
  for (const Job* job : jobs) {
    const std::vector<std::size_t> measured = first_two(*job, second);
    const advise::Slowdown slowdown = slowdown_of(*job, measured, shape);
    const double distance = std::abs(job->seconds[measured[1]] - job->seconds[measured[0]]);
    for (std::size_t at = 0; at < job->sizes.size(); ++at) {
      if (at != measured[0] && at != measured[1]) {
        each(slowdown.at(job->sizes[at].share), job->seconds[at], distance, job->seconds.back());
      }
    }
  }
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) {
    return 0;
  }
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(at))];
}

}  // namespace

double Errors::mean() const {
  return relative.empty() ? 0
                          : std::accumulate(relative.begin(), relative.end(), 0.0) /
                                static_cast<double>(relative.size());
}

double Errors::median() const {
  return quantile(relative, 0.5);
}

Result<DataSet> read_miso(const std::string& file) {
  MIG_ASSIGN_OR_RETURN(const auto rows, rows_of(file, 4));
  std::map<std::pair<std::string, int>, Times> jobs;
  for (const auto& row : rows) {
    jobs[{row[0], std::stoi(row[1])}][row[2]] = std::stod(row[3]);
  }
  return data_set("MISO",
                  "32 trainings on an A100-40GB, boringlee24/socc22-miso, MIT",
                  jobs,
                  sizes_of_board("a100-sxm4-40gb"));
}

Result<DataSet> read_parvagpu(const std::string& file) {
  MIG_ASSIGN_OR_RETURN(const auto rows, rows_of(file, 6));
  std::map<std::pair<std::string, int>, Times> jobs;
  for (const auto& row : rows) {
    const double batch = std::stod(row[2]);
    const double throughput = std::stod(row[4]);
    if (row[3] == "1" && throughput > 0) {
      jobs[{row[0], static_cast<int>(batch)}][row[1] + "g"] = batch / throughput;
    }
  }
  return data_set("ParvaGPU",
                  "97 inferences of one process on an A100-80GB, MunQ-Lee/ParvaGPU_SC24",
                  jobs,
                  sizes_of_board("a100-sxm4-80gb"));
}

std::size_t smallest_that_fits(const Job& /*job*/, double /*speed*/) {
  return 0;
}

std::size_t by_sm_share(const Job& job, double speed) {
  const auto at = std::find_if(job.sizes.begin(), job.sizes.end(), [&](const Size& size) {
    return size.share.sm >= speed * (1 - 1e-9);
  });
  return static_cast<std::size_t>(at - job.sizes.begin());
}

std::size_t by_activity(const Job& job, double /*speed*/) {
  const auto fit = slowdown_of(job, first_two(job, Second::kTwoSlices), advise::shipped_shape()).fit();
  const double activity = fit && fit->fixed_share ? 1 - *fit->fixed_share : 1;
  return by_sm_share(job, activity);
}

Scores score_of(const std::vector<const Job*>& jobs, Rule rule) {
  Scores scores;
  for (std::size_t i = 0; i < kSpeeds.size(); ++i) {
    for (const Job* job : jobs) {
      count(scores[i], *job, rule(*job, kSpeeds[i]), kSpeeds[i]);
    }
  }
  return scores;
}

Scores best_without_target(const std::vector<const Job*>& jobs) {
  Scores scores;
  for (const Job* job : jobs) {
    std::size_t best = 0;
    int most = -1;
    for (std::size_t at = 0; at < job->sizes.size(); ++at) {
      int right = 0;
      for (const double speed : kSpeeds) {
        right += smallest_that_keeps(*job, speed) == at ? 1 : 0;
      }
      if (right >= most) {
        most = right;
        best = at;
      }
    }
    for (std::size_t i = 0; i < kSpeeds.size(); ++i) {
      count(scores[i], *job, best, kSpeeds[i]);
    }
  }
  return scores;
}

Scores score_of(const std::vector<const Job*>& jobs, const Shape& shape, Way way) {
  Scores scores;
  for (std::size_t i = 0; i < kSpeeds.size(); ++i) {
    for (const Job* job : jobs) {
      run_job(scores[i], *job, kSpeeds[i], shape, way);
    }
  }
  return scores;
}

Errors errors_of_share(const std::vector<const Job*>& jobs) {
  Errors errors;
  for (const Job* job : jobs) {
    for (std::size_t at = 0; at + 1 < job->sizes.size(); ++at) {
      const double predicted = job->seconds.back() / job->sizes[at].share.sm;
      errors.relative.push_back(std::abs(predicted / job->seconds[at] - 1));
    }
  }
  return errors;
}

Errors errors_of(const std::vector<const Job*>& jobs, const Shape& shape, Second second) {
  Errors errors;
  predictions_of(jobs, shape, second, [&](const auto& answer, double truth, double, double) {
    errors.relative.push_back(std::abs(answer.seconds.value / truth - 1));
  });
  return errors;
}

double covered(const std::vector<const Job*>& jobs, const Shape& shape, Second second) {
  int inside = 0;
  int all = 0;
  predictions_of(jobs, shape, second, [&](const auto& answer, double truth, double, double) {
    inside += truth >= answer.seconds.low && truth <= answer.seconds.high ? 1 : 0;
    ++all;
  });
  return all == 0 ? 0 : static_cast<double>(inside) / all;
}

Shape fitted(const std::vector<const Job*>& jobs, const Shape& base) {
  Shape best = base;
  double least = 1e9;
  for (int weight = 0; weight <= 20; ++weight) {
    for (int overlap = 4; overlap <= 16; ++overlap) {
      Shape shape = base;
      shape.sm_weight = weight / 20.0;
      shape.overlap = overlap / 4.0;
      const double error = errors_of(jobs, shape, Second::kTwoSlices).mean();
      if (error < least) {
        least = error;
        best = shape;
      }
    }
  }
  std::vector<double> widths;
  for (const Second second : {Second::kTwoSlices, Second::kSmallest}) {
    predictions_of(
        jobs, best, second, [&](const auto& answer, double truth, double distance, double whole) {
          if (answer.basis == Basis::kBetween) {
            widths.push_back(std::abs(answer.seconds.value - truth) /
                             (distance + best.noise * whole));
          }
        });
  }
  best.width = std::ceil(100 * quantile(widths, 0.95)) / 100;
  return best;
}

}  // namespace mig::bench
