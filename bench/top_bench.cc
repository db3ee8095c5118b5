// SPDX-License-Identifier: Apache-2.0
// Time per frame of `migctl top` for a full node (8 GPUs with 7 instances each, 224 processes), and
// per sample taken over (history, events). CPU time of the thread: neither waits.
//
//   mig-bench-top [--frames N] [--out FILE]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "report.h"
#include "top/frame.h"
#include "top/test_sample.h"

namespace mig::bench {
namespace {

struct Arguments {
  std::uint64_t frames = 2000;
  std::string out;
};

Row row_of(const std::string& what, std::vector<std::uint64_t>& times) {
  const Quantiles all = quantiles(times);
  std::printf("%-16s p50 %8.1f us  p99 %8.1f us  max %8.1f us\n",
              what.c_str(),
              all.p50_us,
              all.p99_us,
              all.max_us);
  return {{{"what", what}},
          {{"count", static_cast<double>(all.count)},
           {"p50_us", all.p50_us},
           {"p99_us", all.p99_us},
           {"max_us", all.max_us}}};
}

int run(const Arguments& arguments) {
  top::Content content;
  std::vector<std::uint64_t> samples;
  std::vector<std::uint64_t> large;
  std::vector<std::uint64_t> small;
  std::size_t drawn = 0;
  for (std::uint64_t i = 0; i < arguments.frames; ++i) {
    const auto second = static_cast<std::int64_t>(i);
    const double phase = static_cast<double>(i) / 10;
    const std::int64_t now = top::testing::kNoon + second * 1000;
    MachineSample sample = top::testing::full_node(now, phase);
    std::uint64_t start = cpu_ns();
    content.note(std::move(sample), now);
    samples.push_back(cpu_ns() - start);
    for (auto* times : {&large, &small}) {
      const top::Size size = times == &large ? top::Size{200, 60} : top::Size{80, 24};
      start = cpu_ns();
      drawn += top::draw(size, content, {}).hits.size();
      times->push_back(cpu_ns() - start);
    }
  }
  std::vector<Row> rows;
  rows.push_back(row_of("frame 200x60", large));
  rows.push_back(row_of("frame 80x24", small));
  rows.push_back(row_of("sample", samples));
  if (arguments.out.empty()) {
    return drawn > 0 ? 0 : 1;
  }
  const std::string problem =
      write_report(arguments.out,
                   "migctl top: time per frame",
                   {{"gpus", "8"}, {"instances", "56"}, {"processes", "224"}},
                   rows);
  if (!problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
  }
  return problem.empty() && drawn > 0 ? 0 : 1;
}

}  // namespace
}  // namespace mig::bench

int main(int argc, char** argv) {
  mig::bench::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--frames") {
      arguments.frames = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (std::string_view(argv[i]) == "--out") {
      arguments.out = argv[i + 1];
    }
  }
  return mig::bench::run(arguments);
}
