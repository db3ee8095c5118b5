// SPDX-License-Identifier: Apache-2.0
// Times recorded by the benchmarks, their quantiles, and the result file: what was measured, on
// which machine, with which build options.
#ifndef MIGCTL_BENCH_REPORT_H_
#define MIGCTL_BENCH_REPORT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mig::bench {

// Quantiles of times in microseconds.
struct Quantiles {
  std::uint64_t count = 0;
  double p50_us = 0, p99_us = 0, max_us = 0;
};

// Sorts `ns` (nanoseconds).
Quantiles quantiles(std::vector<std::uint64_t>& ns);

struct Row {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, double>> numbers;
};

// Writes {"benchmark": ..., "machine": ..., "settings": {...}, "rows": [...]}; "" or an error text.
std::string write_report(const std::string& path,
                         const std::string& benchmark,
                         const std::vector<std::pair<std::string, std::string>>& settings,
                         const std::vector<Row>& rows);

// Nanoseconds of CLOCK_MONOTONIC, and of CPU time of this thread: the latter for code that neither
// waits nor makes system calls, so that load on the machine does not count.
std::uint64_t now_ns();
std::uint64_t cpu_ns();

}  // namespace mig::bench

#endif  // MIGCTL_BENCH_REPORT_H_
