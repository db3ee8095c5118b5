// SPDX-License-Identifier: Apache-2.0
// An invented isolation report with each verdict, a mode with limits and one that was not run.
#ifndef MIGCTL_WIRE_TESTDATA_ISOLATION_SAMPLE_H_
#define MIGCTL_WIRE_TESTDATA_ISOLATION_SAMPLE_H_

#include <string>
#include <vector>

#include "model/isolation_values.h"

namespace mig::sample {

inline isolation::Sample lived(double speed) {
  isolation::Sample sample;
  sample.lived = true;
  sample.steps_per_second = speed;
  sample.step_ms_p50 = 1000 / speed;
  sample.step_ms_p99 = 1250 / speed;
  sample.neighbour_runs = 1;
  sample.neighbour_worked = true;
  sample.neighbour_exits = {0};
  return sample;
}

inline isolation::Sample died(const char* error) {
  isolation::Sample sample;
  sample.error = error;
  sample.neighbour_runs = 3;
  sample.neighbour_worked = true;
  sample.neighbour_exits = {0, 3};
  sample.neighbour_error = "server not ready";
  sample.mps_member = true;
  return sample;
}

inline isolation::Cell cell(const char* neighbour,
                            std::vector<isolation::Sample> samples,
                            isolation::Finding finding,
                            const char* why,
                            isolation::Estimate share) {
  isolation::Cell cell{neighbour, std::move(samples), {}};
  cell.verdict.finding = finding;
  cell.verdict.why = why;
  cell.verdict.share = cell.verdict.p50_factor = cell.verdict.p99_factor = share;
  return cell;
}

inline isolation::Report isolation() {
  using isolation::Finding;
  using isolation::Sharing;
  isolation::Report report;
  report.rounds = 2;
  report.seconds = 3;
  report.victim = "training";
  report.seed = 1;
  isolation::ModeReport mig;
  mig.sharing = Sharing::kMig;
  mig.victim = {"MIG-a", "2g.10gb on GPU 0 gi=3 ci=0", {}, true, "NVIDIA A30"};
  mig.neighbour = {"MIG-b", "2g.10gb on GPU 0 gi=4 ci=0", {}, true, "NVIDIA A30"};
  mig.alone = {lived(200), lived(202)};
  mig.cells = {
      cell("hog dram", {lived(200), lived(201)}, Finding::kIsolated, "", {0.9975, 0.99, 1.005}),
      cell("hog pcie",
           {lived(100), lived(250)},
           Finding::kUndecided,
           "the interval is too wide",
           {0.79, 0.1, 6.2})};
  isolation::ModeReport limits = mig;
  limits.sharing = Sharing::kMpsLimits;
  limits.neighbour = limits.victim;
  limits.caps = isolation::MpsCaps{16, 132, 16, "12.50", 16384, 150000, 16360, true};
  limits.cells = {
      cell("hog <dram> & more", {lived(140), lived(141)}, Finding::kSlowed, "", {0.7, 0.68, 0.72}),
      cell("fault trap",
           {died("CUDA_ERROR_LAUNCH_FAILED"), lived(200)},
           Finding::kKilled,
           "CUDA_ERROR_LAUNCH_FAILED",
           {1, {}, {}})};
  limits.cells[0].verdict.long_tail = true;
  limits.cells[0].verdict.p99_factor = isolation::Estimate{7, 6, 8};
  limits.cells[1].verdict.share.reset();
  isolation::ModeReport skipped;
  skipped.sharing = Sharing::kMps;
  skipped.skipped = "there is no nvidia-cuda-mps-control here";
  report.modes = {mig, skipped, limits};
  return report;
}

}  // namespace mig::sample

#endif  // MIGCTL_WIRE_TESTDATA_ISOLATION_SAMPLE_H_
