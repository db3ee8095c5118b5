// SPDX-License-Identifier: Apache-2.0
// Time per plan on every board: random layouts (with running instances) against random desired
// layouts, possible and impossible, from the generators of tests/property. A refusal is timed with
// its proof.
//
//   mig-bench-planner [--cases N] [--out FILE]
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include "model/testing/test_boards.h"
#include "planner/planner.h"
#include "report.h"
#include "tests/property/random_case.h"

namespace mig::bench {
namespace {

struct Arguments {
  std::uint64_t cases = 5000;
  std::string out;
};

struct Case {
  Inventory inventory;
  DesiredLayout desired;
};

Case random_case(property::Random& random, const property::BruteForce& brute, std::uint32_t gpus) {
  std::vector<Gpu> all;
  Case out;
  out.desired.label = "bench";
  for (std::uint32_t i = 0; i < gpus; ++i) {
    property::RandomGpu one = property::random_gpu(random, brute, i);
    all.push_back(std::move(one.gpu));
    out.desired.gpus.push_back(std::move(one.desired));
  }
  out.inventory = testing::inventory(std::move(all));
  return out;
}

const char* outcome_of(const Result<Plan>& plan) {
  if (plan) {
    return "planned";
  }
  return plan.error().code == ErrorCode::kInUse ? "refused, in use" : "refused, does not fit";
}

void measure(const std::string& key,
             std::uint32_t gpus,
             std::uint64_t cases,
             std::vector<Row>& rows) {
  const property::BruteForce& brute = property::brute_for(key);
  property::Random random(20261124);
  std::map<std::string, std::vector<std::uint64_t>> times;
  for (std::uint64_t i = 0; i < cases; ++i) {
    const Case one = random_case(random, brute, gpus);
    const std::uint64_t start = cpu_ns();
    const auto plan = planner::plan(one.inventory, one.desired, {});
    const std::uint64_t took = cpu_ns() - start;
    times["all"].push_back(took);
    times[outcome_of(plan)].push_back(took);
  }
  for (auto& [outcome, ns] : times) {
    const Quantiles q = quantiles(ns);
    rows.push_back({{{"board", key}, {"outcome", outcome}},
                    {{"gpus", gpus},
                     {"plans", static_cast<double>(q.count)},
                     {"p50_us", q.p50_us},
                     {"p99_us", q.p99_us},
                     {"max_us", q.max_us}}});
    std::printf("%-28s %2u  %-22s %7llu %9.1f %9.1f %9.1f\n",
                key.c_str(),
                gpus,
                outcome.c_str(),
                static_cast<unsigned long long>(q.count),
                q.p50_us,
                q.p99_us,
                q.max_us);
  }
}

int run(const Arguments& arguments) {
  std::printf("%-28s %2s  %-22s %7s %9s %9s %9s\n",
              "board",
              "n",
              "outcome",
              "plans",
              "p50 us",
              "p99 us",
              "max us");
  std::vector<Row> rows;
  for (const std::string& key : testing::board_keys()) {
    measure(key, 1, arguments.cases, rows);
  }
  measure("h200_141gb", 8, arguments.cases / 5, rows);
  if (arguments.out.empty()) {
    return 0;
  }
  const std::string wrong =
      write_report(arguments.out,
                   "planner",
                   {{"time", "processor time of one thread"},
                    {"states",
                     "random, of all that the board can hold; a quarter of the compute "
                     "instances run"},
                    {"wishes", "random layouts, changed layouts and impossible ones"}},
                   rows);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
  }
  return wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace mig::bench

int main(int argc, char** argv) {
  mig::bench::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--cases") {
      arguments.cases = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (name == "--out") {
      arguments.out = argv[i + 1];
    }
  }
  return mig::bench::run(arguments);
}
