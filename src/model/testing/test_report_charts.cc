// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/format.h>

#include "model/testing/test_report.h"

namespace mig::report {
namespace {

BarChart throughput() {
  BarChart chart;
  chart.head = {"Throughput of three jobs, alone and together",
                "steps/s",
                "Each job keeps its speed on MIG; time-slicing halves it",
                Origin::kSimulated,
                marked("Median of 5 rounds of 3 s; the line is the 95 % interval. Measured by `migctl isolate-test`.")};
  chart.groups = {"alone", "MIG, beside a memory hog", "MPS with limits, beside a memory hog", "time-slicing", "whole GPU"};
  chart.series = {
      {"small (4.2 M parameters)", {Value{412, 405, 419}, Value{409, 399, 420}, Value{361, 322, 395}, Value{198, 180, 230}, Value{1204, 1189, 1220}}},
      {"medium (16.8 M parameters)", {Value{121, 119, 122.5}, Value{120, 117, 122}, Value{96, 80, 111}, std::nullopt, Value{512, 508, 517}}},
      {"large (67.1 M parameters)", {Value{33.4}, Value{33.1}, Value{20.9}, Value{15.2}, Value{141}}}};
  chart.references = {{412, "small alone"}, {1204, "small on the whole GPU"}};
  return chart;
}

LineChart utilisation() {
  LineChart chart;
  chart.head = {"SM activity of the instances", "%", "Two jobs start after 8 s and 20 s", Origin::kMeasured, "From the sampler, every 0.5 s."};
  chart.lines = {{"GPU 0 gi 2: 3g.20gb", {}}, {"GPU 0 gi 3: 2g.10gb", {}}, {"GPU 0 gi 5: 2g.10gb", {}}, {"GPU 0 gi 9: 1g.5gb", {}}};
  for (int i = 0; i < 240; ++i) {
    const double x = 0.5 * i;
    chart.lines[0].points.push_back({x, x < 8 ? 0 : 92 + 4 * std::sin(x)});
    chart.lines[1].points.push_back({x, x < 20 || x > 90 ? 0 : 71 + 9 * std::sin(x / 3)});
    chart.lines[2].points.push_back({x, x > 40 && x < 55 ? std::nullopt : std::optional(35 + 3 * std::cos(x / 2))});
    chart.lines[3].points.push_back({x, x < 60 ? 4.0 : 33.0});
  }
  chart.marks = {{8, "job 1 starts"}, {20, "job 2 starts"}, {60, "job 3 starts"}, {90, "job 2 ends"}};
  chart.references = {{100, "all SMs busy"}};
  chart.top = 100;
  return chart;
}

LineChart sweep() {
  LineChart chart;
  chart.head = {"SMs that a client of MPS gets", "SMs", "", Origin::kCaptured, marked("[NVIDIA's page on MPS](https://docs.nvidia.com/deploy/mps/) names the setting.")};
  chart.x_title = "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE";
  chart.x_unit = "%";
  chart.lines = {{"SMs", {}}};
  for (int i = 10; i <= 100; i += 10) {
    chart.lines[0].points.push_back({static_cast<double>(i), std::floor(i * 1.32 / 2) * 2});
  }
  return chart;
}

StackedChart cost() {
  StackedChart chart;
  chart.head = {"What the machine cost, by tenant", "EUR", "", Origin::kDerived, "Prices: shipped examples of 2026-11, not what these GPUs cost."};
  chart.groups = {"all", "team-a", "team-b", "(nobody)"};
  chart.parts = {"allocated", "idle", "unallocated", "stranded", "not recorded"};
  chart.values = {{31.2, 8.1, 12.4, 6.2, 1.1}, {22.2, 1.9, 0, 0, 0}, {9, 6.2, 0, 0, 0}, {0, 0, 12.4, 6.2, 1.1}};
  chart.totals = {"59.00", "24.10", "15.20", "19.70"};
  return chart;
}

MatrixChart verdicts() {
  MatrixChart chart;
  chart.head = {"What a neighbour does to a job", "", "", Origin::kSimulated, "Isolated: the whole 95 % interval keeps 95 % of the speed."};
  chart.row_title = "Neighbour";
  chart.columns = {"MIG", "MPS with limits", "MPS", "Time-slicing"};
  chart.rows = {"memory bandwidth hog", "tensor core hog", "illegal address", "out of memory"};
  const MatrixCell good{"isolated", Tone::kGood};
  chart.cells = {{good, {"slowed by 12 %", Tone::kWarning}, {"slowed by 41 %", Tone::kWarning}, {"slowed by 52 %", Tone::kWarning}},
                 {good, good, {"slowed by 38 %", Tone::kWarning}, {"slowed by 50 %", Tone::kWarning}},
                 {good, {"killed", Tone::kBad}, {"killed", Tone::kBad}, {"not decided", Tone::kUnknown}},
                 {good, good, {"killed", Tone::kBad}, {}}};
  return chart;
}

MatrixChart heat() {
  MatrixChart chart;
  chart.head = {"Speed of a model by profile, part of the whole GPU", "", "", Origin::kAssumed, {}};
  chart.row_title = "Model";
  chart.columns = {"1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"};
  chart.rows = {"small", "medium", "large"};
  const double shares[3][5] = {{0.34, 0.61, 0.8, 0.9, 1}, {0.22, 0.41, 0.6, 0.71, 1}, {0, 0.28, 0.45, 0.6, 1}};
  for (const auto& row : shares) {
    chart.cells.emplace_back();
    for (const double share : row) {
      chart.cells.back().push_back({share == 0 ? "does not fit" : fmt::format("{:.0f} %", share * 100), share == 0 ? Tone::kBad : Tone::kPlain, share});
    }
  }
  return chart;
}

}  // namespace

Section test_charts() {
  Section section{"charts", "3", "Charts", 1, {}};
  section.add(throughput());
  section.add(utilisation());
  section.add(sweep());
  section.add(cost());
  section.add(verdicts());
  section.add(heat());
  section.add(BarChart{{"A chart of nothing", "", "", {}, {}}, {}, {}});
  return section;
}

}  // namespace mig::report
