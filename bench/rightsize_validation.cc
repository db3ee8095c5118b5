// SPDX-License-Identifier: Apache-2.0
// Right-sizing against two public data sets: which profile each rule chooses for a target, how often
// that is the smallest one that keeps the speed, and how far predicted times are off.
//
//   mig-bench-rightsize [--data ../shared/rightsizing] [--seed 1] [--splits 20] [--out FILE]
//
// The model's constants are chosen on half of the families of both sets (drawn by the seed) and
// judged on the other half; further seeds show how much that depends on the draw. Prints Markdown.
#include <cstdio>
#include <cstring>
#include <random>
#include <set>

#include <fmt/format.h>

#include "advise/slowdown.h"
#include "report.h"
#include "rightsize_data.h"

namespace {

using mig::bench::DataSet;
using mig::bench::Errors;
using mig::bench::Job;
using mig::bench::kSpeeds;
using mig::bench::Row;
using mig::bench::Scores;
using mig::bench::Second;
using mig::bench::Way;
using mig::rightsize::Shape;
using Jobs = std::vector<const Job*>;

struct Options {
  std::string data = "../shared/rightsizing", out;
  unsigned seed = 1, splits = 20;
};

// The families of a set in the half that chooses.
std::set<std::string> chosen_families(const DataSet& set, unsigned seed) {
  std::set<std::string> all;
  for (const Job& job : set.jobs) {
    all.insert(job.family);
  }
  std::vector<std::string> families(all.begin(), all.end());
  // Fisher and Yates by hand: std::shuffle's order is each library's own.
  std::mt19937 random(seed);
  for (std::size_t i = families.size(); i > 1; --i) {
    std::swap(families[i - 1], families[random() % i]);
  }
  families.resize(families.size() / 2);
  return {families.begin(), families.end()};
}

struct Half {
  Jobs chooses, held_back;
};

Half half_of(const DataSet& set, unsigned seed) {
  const std::set<std::string> families = chosen_families(set, seed);
  Half half;
  for (const Job& job : set.jobs) {
    (families.count(job.family) != 0 ? half.chooses : half.held_back).push_back(&job);
  }
  return half;
}

Jobs all_of(const DataSet& set) {
  Jobs jobs;
  for (const Job& job : set.jobs) {
    jobs.push_back(&job);
  }
  return jobs;
}

Jobs together(Jobs a, const Jobs& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Table {
 public:
  void scores(const std::string& set,
              const std::string& part,
              const std::string& rule,
              const Scores& scores,
              const Errors* errors) {
    std::string line = fmt::format("| {} | {} | {} |", set, part, rule);
    for (std::size_t i = 0; i < kSpeeds.size(); ++i) {
      const auto& at = scores[i];
      const double jobs = at.jobs();
      line += fmt::format(" {:.0f} % {}/{}/{} |", 100 * at.exact / jobs, at.exact, at.big, at.small);
      rows_.push_back({{{"set", set}, {"part", part}, {"rule", rule}},
                       {{"target", kSpeeds[i]},
                        {"jobs", jobs},
                        {"exact", static_cast<double>(at.exact)},
                        {"tooBig", static_cast<double>(at.big)},
                        {"tooSmall", static_cast<double>(at.small)},
                        {"undecided", static_cast<double>(at.undecided)},
                        {"furtherMeasurements", static_cast<double>(at.measurements)}}});
      further_ += at.measurements;
      undecided_ += at.undecided;
      choices_ += at.jobs();
    }
    line += fmt::format(" {} |", further_ == 0 ? "0" : fmt::format("{:.2f}", further_ / choices_));
    if (errors == nullptr) {
      line += " - |";
    } else {
      line += fmt::format(" {:.1f} % ({:.1f}) |", 100 * errors->mean(), 100 * errors->median());
      rows_.push_back({{{"set", set}, {"part", part}, {"rule", rule}},
                       {{"times", static_cast<double>(errors->relative.size())},
                        {"meanError", errors->mean()},
                        {"medianError", errors->median()}}});
    }
    further_ = undecided_ = choices_ = 0;
    std::printf("%s\n", line.c_str());
  }

  void add(Row row) { rows_.push_back(std::move(row)); }

  static void head() {
    std::printf("| data | jobs | rule |");
    for (const double speed : kSpeeds) {
      std::printf(" %.0f %% of full speed |", 100 * speed);
    }
    std::printf(" further runs | mean error (median) |\n|---|---|---|---|---|---|---|---|---|---|\n");
  }

  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
  double further_ = 0, undecided_ = 0, choices_ = 0;
};

void judge(Table& table, const DataSet& set, const std::string& part, const Jobs& jobs, const Shape& shape) {
  const Errors share = mig::bench::errors_of_share(jobs);
  table.scores(set.name, part, "smallest that fits", score_of(jobs, mig::bench::smallest_that_fits), nullptr);
  table.scores(set.name, part, "SM share", score_of(jobs, mig::bench::by_sm_share), &share);
  table.scores(set.name, part, "activity (Kruize), derived", score_of(jobs, mig::bench::by_activity), nullptr);
  table.scores(set.name, part, "activity, best with hindsight", best_without_target(jobs), nullptr);
  const Shape line{1, 1, shape.width, shape.noise, shape.beyond};
  const Errors of_line = errors_of(jobs, line, Second::kTwoSlices);
  table.scores(set.name, part, "7g + 2g, a + b/s", score_of(jobs, line, {Second::kTwoSlices, 0, true}), &of_line);
  for (const Second second : {Second::kTwoSlices, Second::kSmallest}) {
    const std::string name = second == Second::kTwoSlices ? "7g + 2g" : "7g + smallest";
    const Errors errors = errors_of(jobs, shape, second);
    table.scores(set.name, part, name + ", guess", score_of(jobs, shape, {second, 0, true}), &errors);
    for (int more = 0; more <= 2; ++more) {
      table.scores(set.name,
                   part,
                   more == 0 ? name + ", safe" : fmt::format("{}, safe, up to {} more", name, more),
                   score_of(jobs, shape, {second, more, false}),
                   nullptr);
    }
    table.add({{{"set", set.name}, {"part", part}, {"rule", name + ", interval"}},
               {{"covered", covered(jobs, shape, second)}}});
  }
}

// How the held-back half fares over many draws.
void over_splits(Table& table, const DataSet& miso, const DataSet& parva, const Options& options) {
  double worst_exact = 1;
  int small = 0;
  int choices = 0;
  std::vector<double> errors[2];
  for (unsigned seed = 1; seed <= options.splits; ++seed) {
    const Half a = half_of(miso, seed);
    const Half b = half_of(parva, seed);
    const Shape shape = mig::bench::fitted(together(a.chooses, b.chooses), mig::advise::shipped_shape());
    for (int set = 0; set < 2; ++set) {
      const Jobs& jobs = set == 0 ? a.held_back : b.held_back;
      errors[set].push_back(errors_of(jobs, shape, Second::kTwoSlices).mean());
      for (const auto& score : score_of(jobs, shape, Way{Second::kTwoSlices, 1, false})) {
        worst_exact = std::min(worst_exact, static_cast<double>(score.exact) / score.jobs());
        small += score.small;
        choices += score.jobs();
      }
    }
  }
  for (int set = 0; set < 2; ++set) {
    std::sort(errors[set].begin(), errors[set].end());
    const double median = errors[set][errors[set].size() / 2];
    std::printf("%s, held-back half over %u draws: mean error %.1f %% to %.1f %%, median %.1f %%\n",
                set == 0 ? "MISO" : "ParvaGPU",
                options.splits,
                100 * errors[set].front(),
                100 * errors[set].back(),
                100 * median);
    table.add({{{"set", set == 0 ? "MISO" : "ParvaGPU"}, {"part", "held back, all draws"}},
               {{"leastMeanError", errors[set].front()},
                {"medianMeanError", median},
                {"mostMeanError", errors[set].back()}}});
  }
  std::printf("7g + 2g, safe, up to 1 more, held-back halves of %u draws: %d of %d choices too small, "
              "exact at the worst target of the worst draw %.0f %%\n",
              options.splits,
              small,
              choices,
              100 * worst_exact);
  table.add({{{"set", "both"}, {"part", "held back, all draws"}, {"rule", "7g + 2g, safe, up to 1 more"}},
             {{"tooSmall", static_cast<double>(small)},
              {"choices", static_cast<double>(choices)},
              {"worstExactShare", worst_exact}}});
}

int run(const Options& options) {
  auto miso = mig::bench::read_miso(options.data + "/miso_a100_40gb_training_step_s.csv");
  auto parva = mig::bench::read_parvagpu(options.data + "/parvagpu_a100_80gb_inference.csv");
  for (const auto* set : {&miso, &parva}) {
    if (!*set) {
      std::fprintf(stderr, "mig-bench-rightsize: %s\n", set->error().text().c_str());
      return 1;
    }
  }
  const Half a = half_of(*miso, options.seed);
  const Half b = half_of(*parva, options.seed);
  const Shape shape = mig::bench::fitted(together(a.chooses, b.chooses), mig::advise::shipped_shape());
  const Shape shipped = mig::advise::shipped_shape();
  std::printf("Chosen on half of the families (seed %u): SM weight %.2f, overlap %.2f, width %.2f; shipped: "
              "%.2f, %.2f, %.2f\n\n",
              options.seed,
              shape.sm_weight,
              shape.overlap,
              shape.width,
              shipped.sm_weight,
              shipped.overlap,
              shipped.width);
  Table table;
  Table::head();
  for (const auto& [set, half] : {std::pair(&*miso, a), std::pair(&*parva, b)}) {
    judge(table, *set, "all", all_of(*set), shape);
    judge(table, *set, "held back", half.held_back, shape);
  }
  std::printf("\n");
  over_splits(table, *miso, *parva, options);
  table.add({{{"part", "shape"}},
             {{"smWeight", shape.sm_weight},
              {"overlap", shape.overlap},
              {"width", shape.width},
              {"noise", shape.noise},
              {"beyond", shape.beyond},
              {"isShipped", shape == shipped ? 1.0 : 0.0}}});
  if (!options.out.empty()) {
    const std::string error = mig::bench::write_report(options.out,
                                                       "rightsize_validation",
                                                       {{"seed", std::to_string(options.seed)},
                                                        {"splits", std::to_string(options.splits)},
                                                        {"miso", miso->source},
                                                        {"parvagpu", parva->source}},
                                                       table.rows());
    if (!error.empty()) {
      std::fprintf(stderr, "mig-bench-rightsize: %s\n", error.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--data") == 0) {
      options.data = argv[i + 1];
    } else if (std::strcmp(argv[i], "--out") == 0) {
      options.out = argv[i + 1];
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      options.seed = static_cast<unsigned>(std::atoi(argv[i + 1]));
    } else if (std::strcmp(argv[i], "--splits") == 0) {
      options.splits = static_cast<unsigned>(std::max(1, std::atoi(argv[i + 1])));
    }
  }
  return run(options);
}
