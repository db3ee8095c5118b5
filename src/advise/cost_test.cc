// SPDX-License-Identifier: Apache-2.0
// Costs by hand: the worked examples of docs/reference/cost.md.
#include "advise/cost.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "advise/compare.h"
#include "advise/shares.h"
#include "advise/test_costs.h"

namespace mig::advise {
namespace {

using cost::CostReport;
using cost::kPolicies;
using cost::Micros;
using cost::Part;
using cost::Policy;
using cost::Price;
using cost::PriceTable;
using cost::Tenure;
using cost::Usage;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kStart = 1'790'812'800'000;

// An H200 with 3g.71gb, 2g.35gb and 1g.18gb, and room for one more 1g.18gb.
Usage h200(std::int64_t hours) {
  Usage usage;
  usage.from_ms = kStart;
  usage.until_ms = usage.now_ms = kStart + hours * kHour;
  cost::UsedGpu gpu;
  gpu.uuid = "GPU-1";
  gpu.index = 0;
  gpu.board = "NVIDIA H200";
  gpu.whole = {7, 8, 132};
  gpu.from_ms = usage.from_ms;
  gpu.until_ms = usage.until_ms;
  cost::LayoutSpan span;
  span.from_ms = usage.from_ms;
  span.until_ms = usage.until_ms;
  span.mig = true;
  span.instances = {
      {1, "3g.71gb", {3, 4, 60}}, {3, "2g.35gb", {2, 2, 32}}, {9, "1g.18gb", {1, 1, 16}}};
  span.room = {{1, 1, 16}, 8};
  gpu.layouts.push_back(span);
  usage.gpus.push_back(gpu);
  return usage;
}

Tenure lease(std::int64_t id,
             const std::string& tenant,
             const cost::UsedInstance& on,
             std::int64_t from_ms,
             std::int64_t until_ms) {
  Tenure one;
  one.lease = id;
  one.gpu_uuid = "GPU-1";
  one.gpu_instance = on.gpu_instance;
  one.profile = on.profile;
  one.amount = on.amount;
  one.parts = one.part = on.amount.slices;
  one.tenant = tenant;
  one.uid = static_cast<std::uint32_t>(1000 + id);
  one.from_ms = from_ms;
  one.until_ms = until_ms;
  return one;
}

// The day of docs/reference/cost.md.
Usage worked_day() {
  Usage usage = h200(24);
  const auto& on = usage.gpus[0].layouts[0].instances;
  usage.tenures = {lease(1, "alice", on[0], kStart, kStart + 10 * kHour),
                   lease(2, "bob", on[1], kStart, kStart + 24 * kHour),
                   lease(3, "carol", on[2], kStart, kStart + 12 * kHour)};
  usage.gpus[0].activity = {{kStart, kStart + 6 * kHour, 9, false},
                            {kStart + 6 * kHour, kStart + 12 * kHour, 9, true}};
  return usage;
}

std::map<std::string, Micros> by_name(const CostReport& report) {
  std::map<std::string, Micros> out;
  for (const cost::Line& line : report.lines) {
    out[line.key.nobody ? "" : line.key.tenant] = line.split.total();
  }
  out["unallocated"] = report.sum.at(Part::kUnallocated);
  out["stranded"] = report.sum.at(Part::kStranded);
  return out;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '|');) {
    cell.erase(std::remove(cell.begin(), cell.end(), ' '), cell.end());
    cell.erase(std::remove(cell.begin(), cell.end(), '`'), cell.end());
    out.push_back(cell);
  }
  return out;
}

// Rows of the table after the marker in the reference page.
std::vector<std::vector<std::string>> rows_of_page(const std::string& marker) {
  std::ifstream page(MIG_COST_PAGE);
  std::vector<std::vector<std::string>> out;
  bool found = false;
  for (std::string line; std::getline(page, line);) {
    if (line.find(marker) != std::string::npos) {
      found = true;
    } else if (found && line.starts_with("|")) {
      out.push_back(cells_of(line));
    } else if (found && !out.empty()) {
      break;
    }
  }
  return out;
}

TEST(Cost, TheWorkedDayOfThePageIsWhatIsComputed) {
  const auto rows = rows_of_page("<!-- worked day -->");
  ASSERT_EQ(rows.size(), 2 + kPolicies.size()) << "a header, its rule, a row for each policy";
  for (std::size_t i = 2; i < rows.size(); ++i) {
    const auto policy = cost::parse_policy(rows[i].at(1));
    ASSERT_TRUE(policy) << rows[i].at(1);
    const CostReport report = report_of(worked_day(), table(3'696'000), *policy);
    expect_conserved(report, rows[i][1]);
    EXPECT_EQ(report.total, 88'704'000);
    auto got = by_name(report);
    const std::vector<std::string> columns = {"alice", "bob", "carol", "unallocated", "stranded"};
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto said = cost::parse_money(rows[i].at(2 + c));
      ASSERT_TRUE(said) << rows[i].at(2 + c);
      EXPECT_NEAR(static_cast<double>(got[columns[c]]), static_cast<double>(*said), 1)
          << rows[i][1] << " " << columns[c];
    }
  }
}

TEST(Cost, AnIdleLeaseIsPaidByItsTenantAndToldApart) {
  const CostReport report = report_of(worked_day(), table(3'696'000), Policy::kCompute);
  for (const cost::Line& line : report.lines) {
    if (line.key.tenant == "carol") {
      EXPECT_NEAR(static_cast<double>(line.split.at(Part::kAllocated)), 3'168'000, 1);
      EXPECT_NEAR(static_cast<double>(line.split.at(Part::kIdle)), 3'168'000, 1);
    }
  }
  EXPECT_EQ(report.known_ms, 12 * kHour / 7) << "of carol's seventh";
}

// Four workloads of a quarter each are one GPU hour, and what nobody took is nobody's.
TEST(Cost, SeatsOfASharedInstanceAddUpToIt) {
  Usage usage = h200(1);
  usage.gpus[0].layouts[0].instances = {{0, "7g.141gb", {7, 8, 132}}};
  usage.gpus[0].layouts[0].room = {};
  for (int i = 0; i < 4; ++i) {
    Tenure one =
        lease(i, "pod" + std::to_string(i), {0, "7g.141gb", {7, 8, 132}}, kStart, kStart + kHour);
    one.shared = 4;
    usage.tenures.push_back(one);
  }
  for (const Policy policy : kPolicies) {
    auto got = by_name(report_of(usage, table(4'000'000), policy));
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(got["pod" + std::to_string(i)], 1'000'000) << cost::name_of(policy);
    }
  }
  usage.tenures.resize(2);
  auto got = by_name(report_of(usage, table(4'000'000), Policy::kDominant));
  EXPECT_EQ(got["pod0"], 1'000'000);
  EXPECT_EQ(got["unallocated"], 2'000'000);
}

TEST(Cost, SevenSmallInstancesStrandASlotAndTwentyMultiprocessors) {
  Usage usage = h200(1);
  auto& span = usage.gpus[0].layouts[0];
  span.instances.clear();
  for (std::uint32_t i = 0; i < 7; ++i) {
    span.instances.push_back({i + 7, "1g.18gb", {1, 1, 16}});
  }
  span.room = {};
  EXPECT_EQ(by_name(report_of(usage, table(8'000'000), Policy::kMemory))["stranded"], 1'000'000);
  EXPECT_EQ(by_name(report_of(usage, table(13'200'000), Policy::kSm))["stranded"], 2'000'000);
  EXPECT_EQ(by_name(report_of(usage, table(7'000'000), Policy::kCompute))["stranded"], 0);
}

TEST(Cost, PartsOfAnInstancePayByTheirSlices) {
  Usage usage = h200(1);
  Tenure one = lease(1, "alice", {1, "1c.3g.71gb", {3, 4, 60}}, kStart, kStart + kHour);
  one.part = 1;
  one.parts = 3;
  usage.tenures = {one};
  EXPECT_NEAR(
      static_cast<double>(by_name(report_of(usage, table(8'000'000), Policy::kMemory))["alice"]),
      4'000'000.0 / 3,
      1);
}

TEST(Cost, WhatIsNotRecordedIsSaidAndNotGuessed) {
  Usage usage = worked_day();
  usage.recorded_from_ms = kStart + 6 * kHour;  // a quarter of the day
  CostReport report = report_of(usage, table(3'696'000), Policy::kMemory);
  expect_conserved(report, "leases since later");
  EXPECT_EQ(report.sum.at(Part::kNotRecorded), 88'704'000 / 4);

  usage = worked_day();
  usage.gpus[0].layouts.clear();  // leases show their own share, and nothing shows the rest
  report = report_of(usage, table(3'696'000), Policy::kMemory);
  expect_conserved(report, "no layout");
  EXPECT_EQ(by_name(report)["alice"], 18'480'000);
  EXPECT_EQ(report.sum.at(Part::kUnallocated), 0);
  EXPECT_EQ(report.sum.at(Part::kNotRecorded), 88'704'000 - report.sum.paid());

  usage.gpus[0].whole = {};
  report = report_of(usage, table(3'696'000), Policy::kSm);
  EXPECT_EQ(report.sum.at(Part::kNotRecorded), report.total) << "nothing is known of its size";
}

TEST(Cost, ALeaseThatTheLayoutLacksMeansThatTheLayoutIsNotKnown) {
  Usage usage = h200(1);
  usage.tenures = {lease(1, "alice", {5, "2g.35gb", {2, 2, 32}}, kStart, kStart + kHour)};
  const CostReport report = report_of(usage, table(8'000'000), Policy::kMemory);
  EXPECT_EQ(by_name(report)["alice"], 2'000'000);
  EXPECT_EQ(report.sum.at(Part::kNotRecorded), 6'000'000);
}

TEST(Cost, AWholeGpuIsFreeOrSomebodys) {
  Usage usage = h200(2);
  usage.gpus[0].layouts[0].mig = false;
  usage.gpus[0].layouts[0].instances.clear();
  EXPECT_EQ(by_name(report_of(usage, table(5'000'000), Policy::kSm))["unallocated"], 10'000'000);
  Tenure whole = lease(1, "alice", {Tenure::kWholeGpu, "GPU", {}}, kStart, kStart + kHour);
  whole.part = whole.parts = 1;
  usage.tenures = {whole};
  EXPECT_EQ(by_name(report_of(usage, table(5'000'000), Policy::kSm))["alice"], 5'000'000);
}

TEST(Cost, ALeaseHasNoNameForWhoMayNotSeeIt) {
  Usage usage = worked_day();
  usage.all = false;
  usage.tenures[1].others = true;
  usage.tenures[1].tenant.clear();
  const CostReport report = report_of(usage, table(3'696'000), Policy::kCompute);
  ASSERT_EQ(report.lines.size(), 4U);
  EXPECT_EQ(report.lines[0].key.tenant, "alice");
  EXPECT_TRUE(report.lines[2].key.others);
  EXPECT_TRUE(report.lines[3].key.nobody);
}

TEST(Cost, ABoardWithoutAPriceIsNamed) {
  Usage usage = worked_day();
  usage.gpus[0].board = "NVIDIA A30";
  const auto report = cost_report(usage, table(1), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
  EXPECT_NE(report.error().message.find("NVIDIA A30"), std::string::npos);
}

TEST(PriceOf, TheMostWordsWinThenTheCheapest) {
  PriceTable prices;
  const auto add = [&](const std::string& gpu, Micros hour) {
    Price one;
    one.gpu = gpu;
    one.hour = hour;
    prices.prices.push_back(one);
  };
  add("A100", 100);
  add("A100 80GB", 300);
  add("a100-80gb pcie", 250);
  add("80GB A100", 200);
  add("H100", 1);
  EXPECT_EQ(price_of(prices, "", "NVIDIA A100-SXM4-80GB")->hour, 200);
  EXPECT_EQ(price_of(prices, "", "NVIDIA A100 80GB PCIe")->hour, 250);
  EXPECT_EQ(price_of(prices, "", "NVIDIA A100-SXM4-40GB")->hour, 100);
  EXPECT_EQ(price_of(prices, "", "NVIDIA GH100"), nullptr) << "words, not parts of words";
  Price own;
  own.uuid = "GPU-7";
  own.hour = 7;
  prices.prices.push_back(own);
  EXPECT_EQ(price_of(prices, "GPU-7", "NVIDIA H100")->hour, 7);
}

TEST(LargestRemainders, AddUpAndDifferByLessThanOne) {
  EXPECT_EQ(largest_remainders(10, {1, 1, 1}), (std::vector<std::int64_t>{4, 3, 3}));
  EXPECT_EQ(largest_remainders(10, {0, 0}), (std::vector<std::int64_t>{0, 10}));
  EXPECT_EQ(largest_remainders(1, {1, 2}), (std::vector<std::int64_t>{0, 1}));
}

// --- MIG against dedicated GPUs ---

TEST(Compare, TheWorkedComparisonOfThePageIsWhatIsComputed) {
  PriceTable prices = table(3'990'000);
  prices.prices[0].memory_gb = 141;
  Price small;
  small.gpu = "A10";
  small.memory_gb = 24;
  small.hour = 1'290'000;
  prices.prices.push_back(small);
  ComparedLayout layout;
  layout.gpus = {{"GPU-1", "NVIDIA H200"}};
  layout.instances.assign(7, {"1g.18gb", 16'384});
  const auto got = compare(layout, prices, 100);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->mig_hour, 3'990'000);
  EXPECT_EQ(got->dedicated_hour, 9'030'000);
  EXPECT_EQ(got->break_even_permille, 442U) << "3.99 of 9.03 is 44.19 %";
  EXPECT_EQ(got->break_even_workloads, 4U) << "3.99 / 1.29 is 3.09";
  for (const cost::SensitivityCell& cell : got->sensitivity) {
    EXPECT_EQ(cell.saving, cell.dedicated - 3'990'000);
  }
  const auto& half_price = got->sensitivity.front();
  EXPECT_EQ(half_price.price_percent, 50U);
  EXPECT_EQ(half_price.utilization_percent, 80U);
  EXPECT_EQ(half_price.dedicated, 3'612'000);
}

TEST(Compare, AWorkloadThatNoGpuHoldsLeavesNoComparison) {
  PriceTable prices = table(3'990'000);
  ComparedLayout layout;
  layout.gpus = {{"GPU-1", "NVIDIA H200"}};
  layout.instances = {{"1g.18gb", 16'384}};
  auto got = compare(layout, prices, 100);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->dedicated_hour, 3'990'000) << "the board itself holds its own instances";
  prices.prices[0].gpu = "";
  prices.prices[0].uuid = "GPU-1";
  got = compare(layout, prices, 100);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->without, 1U);
  EXPECT_FALSE(got->break_even_permille);
  layout.instances.clear();
  EXPECT_EQ(compare(layout, prices, 100).error().code, ErrorCode::kNothingMatched);
}

TEST(Compare, OnlyWhatMayBeRentedAndSurelyHoldsIt) {
  PriceTable prices = table(3'990'000);
  prices.prices[0].memory_gb = 141;
  Price small;
  small.gpu = "A10";
  small.memory_gb = 24;
  small.hour = 1'290'000;
  prices.prices.push_back(small);
  Price own = small;  // of one GPU that is here: nobody rents it out
  own.gpu = "";
  own.uuid = "GPU-7";
  own.memory_gb = 141;
  own.hour = 10'000;
  prices.prices.push_back(own);
  ComparedLayout layout;
  layout.gpus = {{"GPU-1", "NVIDIA H200"}};
  layout.instances = {{"1g.18gb", 22'800}, {"2g.35gb", 23'028}};  // 24 GB are surely 22'872 MiB
  const auto got = compare(layout, prices, 90);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->dedicated_hour, 1'290'000 + 3'990'000);
  for (const cost::SensitivityCell& cell : got->sensitivity) {
    EXPECT_LE(cell.utilization_percent, 100U);
  }
  EXPECT_EQ(got->sensitivity.back().utilization_percent, 100U) << "not 108";
}

// What the daemon says of another tenant's lease: no names, and uid 0, which is nobody's here.
TEST(Cost, OthersAreOneLineWithoutAUser) {
  Usage usage = h200(10);
  const auto& on = usage.gpus[0].layouts[0].instances;
  Tenure theirs = lease(0, "", on[0], kStart, kStart + 10 * kHour);
  theirs.others = true;
  theirs.uid = 0;
  usage.tenures = {theirs, lease(2, "bob", on[1], kStart, kStart + 10 * kHour)};
  for (const cost::By by : {cost::By::kTenant, cost::By::kUser, cost::By::kJob}) {
    const CostReport report = report_of(usage, table(3'696'000), Policy::kMemory, by);
    const auto line = std::find_if(
        report.lines.begin(), report.lines.end(), [](const auto& one) { return one.key.others; });
    ASSERT_NE(line, report.lines.end());
    EXPECT_EQ(line->key.uid, std::nullopt) << "root did not have it";
    EXPECT_EQ(line->split.total(), 18'480'000) << "half of ten hours";
  }
}

TEST(Cost, ALeaseWhoseInstanceWasMadeAnewIsOneLease) {
  Usage usage = h200(10);
  const auto& on = usage.gpus[0].layouts[0].instances;
  usage.tenures = {lease(1, "alice", on[0], kStart, kStart + 4 * kHour),
                   lease(1, "alice", on[1], kStart + 4 * kHour, kStart + 10 * kHour)};
  const CostReport report = report_of(usage, table(3'696'000), Policy::kMemory);
  ASSERT_FALSE(report.lines.empty());
  EXPECT_EQ(report.lines[0].key.tenant, "alice");
  EXPECT_EQ(report.lines[0].leases, 1U);
}

}  // namespace
}  // namespace mig::advise
