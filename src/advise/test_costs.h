// SPDX-License-Identifier: Apache-2.0
// For the tests of costs: a table with one price, a report that must come, and what holds for each.
#ifndef MIGCTL_ADVISE_TEST_COSTS_H_
#define MIGCTL_ADVISE_TEST_COSTS_H_

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "advise/cost.h"

namespace mig::advise {

inline cost::PriceTable table(cost::Micros hour) {
  cost::PriceTable out;
  out.file = "prices.yaml";
  out.currency = "EUR";
  cost::Price price;
  price.gpu = "H200";
  price.hour = hour;
  out.prices.push_back(price);
  return out;
}

inline cost::CostReport report_of(const cost::Usage& usage,
                                  const cost::PriceTable& prices,
                                  cost::Policy policy,
                                  cost::By by = cost::By::kTenant) {
  auto report = cost_report(usage, prices, {policy, by});
  EXPECT_TRUE(report) << report.error().text();
  return report ? *std::move(report) : cost::CostReport{};
}

inline void expect_conserved(const cost::CostReport& report, const std::string& what) {
  cost::Micros lines = 0;
  for (const cost::Line& line : report.lines) {
    lines += line.split.total();
    for (const cost::Micros part : line.split.money) {
      EXPECT_GE(part, 0) << what;
    }
  }
  cost::Micros gpus = 0;
  for (const cost::GpuCost& gpu : report.gpus) {
    EXPECT_EQ(gpu.split.total(), gpu.total) << what;
    gpus += gpu.total;
  }
  EXPECT_EQ(lines, report.total) << what;
  EXPECT_EQ(gpus, report.total) << what;
  EXPECT_EQ(report.sum.total(), report.total) << what;
}

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_TEST_COSTS_H_
