// SPDX-License-Identifier: Apache-2.0
#include "wire/cost.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "wire/document.h"

namespace mig::wire {
namespace {

cost::Usage some_usage() {
  cost::Usage usage;
  usage.from_ms = 1000;
  usage.until_ms = 9000;
  usage.now_ms = 9500;
  usage.recorded_from_ms = 500;
  usage.all = false;
  cost::UsedGpu gpu;
  gpu.uuid = "GPU-1";
  gpu.board = "NVIDIA H200";
  gpu.whole = {7, 8, 132};
  gpu.from_ms = 1000;
  gpu.until_ms = 8000;
  gpu.layouts = {{1000, 4000, true, {{1, "3g.71gb", {3, 4, 60}}}, {{4, 4, 64}, 28}}};
  gpu.activity = {{1000, 2000, 1, true}};
  gpu.energy_mj = 12;
  usage.gpus = {gpu};
  cost::Tenure one;
  one.lease = 3;
  one.gpu_uuid = "GPU-1";
  one.gpu_instance = 1;
  one.profile = "1c.3g.71gb";
  one.amount = {3, 4, 60};
  one.part = 1;
  one.parts = 3;
  one.shared = 2;
  one.tenant = "a";
  one.uid = 1001;
  one.job = "\"quoted\"";
  one.from_ms = 1000;
  one.until_ms = 9000;
  one.open = true;
  usage.tenures = {one};
  usage.warnings = {"look"};
  return usage;
}

TEST(UsageText, ComesBackAsItWas) {
  const auto text = usage_document(some_usage(), {true, "lab"});
  ASSERT_TRUE(text);
  const auto back = parse_usage(*text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(back->source.simulated);
  EXPECT_EQ(*usage_document(back->usage, back->source), *text);
  EXPECT_EQ(back->usage.gpus[0].layouts[0].room.dominant, 28U);
  EXPECT_EQ(back->usage.tenures[0].job, "\"quoted\"");
}

TEST(UsageText, AnErrorIsThatErrorAndNonsenseIsRefused) {
  const Error error{ErrorCode::kPermission, "no", "ask", {}, {}};
  const auto got = parse_usage(error_document(error, "", Source{}));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kPermission);
  EXPECT_FALSE(parse_usage("{}"));
  EXPECT_FALSE(parse_usage("nonsense"));
}

cost::CostReport some_report() {
  cost::CostReport report;
  report.from_ms = 1'790'812'800'000;             // 2026-10-01 00:00 UTC
  report.until_ms = report.from_ms + 86'400'000;  // a day
  report.currency = "EUR";
  cost::Line line;
  line.key.tenant = "team, \"a\"";
  line.key.job = "=1+1";
  line.split.money[0] = 1'234'567;
  line.split.gpu_ms[0] = 3'600'000;
  report.lines = {line};
  return report;
}

std::string name(std::uint32_t uid) {
  return "user" + std::to_string(uid);
}

TEST(CostCsv, QuotesAndDisarmsTexts) {
  const std::string text = cost_csv(some_report(), name, {});
  EXPECT_NE(text.find("\"team, \"\"a\"\"\""), std::string::npos) << text;
  EXPECT_NE(text.find(",'=1+1,"), std::string::npos) << text;
  EXPECT_NE(text.find(",1.234567,1.000000000"), std::string::npos) << text;
  EXPECT_NE(text.find("2026-10-01T00:00:00Z,2026-10-02T00:00:00Z"), std::string::npos) << text;
}

TEST(CostFocus, EachRowHasEveryColumnAndTheMonthInUtc) {
  cost::Charge charge;
  charge.gpu_uuid = "GPU-1";
  charge.board = "NVIDIA H200";
  charge.tenant = "a";
  charge.uid = 7;
  charge.money = 500'000;
  charge.list_hour = 2'000'000;
  charge.gpu_ms = 900'000;
  cost::Charge nobodys = charge;
  nobodys.tenant.clear();
  nobodys.uid.reset();
  nobodys.part = cost::Part::kStranded;
  const std::string text = focus_csv({charge, nobodys}, some_report(), "lab", name, {true, "lab"});
  const std::string header = text.substr(0, text.find('\n'));
  EXPECT_TRUE(header.starts_with("BilledCost,BillingAccountId,")) << header;
  for (const char* column : {"ChargePeriodStart", "EffectiveCost", "ListCost", "SubAccountId"}) {
    EXPECT_NE(header.find(column), std::string::npos) << column;
  }
  const std::string rows = text.substr(text.find('\n') + 1);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 2);
  EXPECT_NE(rows.find("0.500000,lab,lab,Machine,EUR,2026-11-01T00:00:00Z,2026-10-01T00:00:00Z"),
            std::string::npos)
      << rows;
  EXPECT_NE(rows.find(",stranded,"), std::string::npos);
  EXPECT_NE(rows.find(",true,user7\n"), std::string::npos) << rows;
}

TEST(CostText, MoneyIsAWholeNumber) {
  const Json json = Json::parse(cost_document(some_report(), {}));
  EXPECT_EQ(json.at("lines")[0].at("cost").at("allocatedMicros"), 1'234'567);
  EXPECT_TRUE(json.at("lines")[0].at("cost").at("totalMicros").is_number_integer());
}

}  // namespace
}  // namespace mig::wire
