// SPDX-License-Identifier: Apache-2.0
#include "config/prices.h"

#include <gtest/gtest.h>

namespace mig::config {
namespace {

constexpr const char* kPriceHead = "version: v1\ncurrency: EUR\n";

std::string price_complaint_of(const std::string& text) {
  const auto table = parse_prices(text, "prices.yaml");
  EXPECT_FALSE(table) << text;
  return table ? "" : table.error().text() + "; " + table.error().hint;
}

TEST(Prices, AreReadAsWritten) {
  const auto table = parse_prices(std::string(kPriceHead) +
                                      "electricity: 0.28\n"
                                      "prices:\n"
                                      "  - gpu: A100 80GB\n"
                                      "    hour: 1.600001\n"
                                      "    memory: 80GB\n"
                                      "    provider: own\n"
                                      "    date: 2026-11-01\n"
                                      "    source: contract 17\n"
                                      "  - {uuid: GPU-1, hour: 2}\n",
                                  "prices.yaml");
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->currency, "EUR");
  EXPECT_EQ(table->electricity, 280'000);
  ASSERT_EQ(table->prices.size(), 2U);
  EXPECT_EQ(table->prices[0].hour, 1'600'001);
  EXPECT_EQ(table->prices[0].memory_gb, 80U);
  EXPECT_EQ(table->prices[1].uuid, "GPU-1");
}

TEST(Prices, WhatIsWrongIsNamedWithItsPlace) {
  const auto wrong = [](const std::string& price) {
    return price_complaint_of(std::string(kPriceHead) + "prices:\n  - " + price + "\n");
  };
  EXPECT_NE(wrong("{gpu: H200, hour: -1}").find("prices.yaml:4:23"), std::string::npos)
      << wrong("{gpu: H200, hour: -1}");
  EXPECT_NE(wrong("{gpu: H200, hour: 1.0000001}").find("six decimals"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200, hour: 3,50}").find("prices.yaml:4:"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200, hour: 1000001}").find("0 to 1000000"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200}").find("without hour"), std::string::npos);
  EXPECT_NE(wrong("{hour: 1}").find("without gpu or uuid"), std::string::npos);
  EXPECT_NE(wrong("{gpu: a, uuid: b, hour: 1}").find("both"), std::string::npos);
  EXPECT_NE(wrong("{gpu: '--', hour: 1}").find("no word"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200, huor: 1}").find("hour"), std::string::npos) << "the nearest key";
  EXPECT_NE(wrong("{gpu: H200, hour: 1, memory: 141}").find("80GB"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200, hour: 1, date: yesterday}").find("2026-11-01"), std::string::npos);
  EXPECT_NE(wrong("{gpu: H200, hour: 1}\n  - {gpu: h200, hour: 2}").find("line 4"),
            std::string::npos);
  EXPECT_NE(price_complaint_of("version: v1\nprices: []\n").find("currency"), std::string::npos);
  EXPECT_NE(price_complaint_of("version: v1\ncurrency: Euro\n").find("prices.yaml:2:11"),
            std::string::npos);
  EXPECT_NE(price_complaint_of("currency: EUR\n").find("version"), std::string::npos);
  EXPECT_NE(price_complaint_of("version: v2\ncurrency: EUR\n").find("v1"), std::string::npos);
  EXPECT_NE(price_complaint_of(std::string(kPriceHead) + "prices: 3\n").find("a list"),
            std::string::npos);
}

TEST(Prices, TooManyAreRefused) {
  std::string text = std::string(kPriceHead) + "prices:\n";
  for (std::size_t i = 0; i <= kMostPrices; ++i) {
    text += "  - {gpu: g" + std::to_string(i) + ", hour: 1}\n";
  }
  EXPECT_NE(price_complaint_of(text).find("more than 1000"), std::string::npos);
}

TEST(Prices, EachOneThatIsShippedHasADayAndASource) {
  const auto table = shipped_prices();
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_TRUE(table->file.empty());
  EXPECT_FALSE(table->date.empty());
  EXPECT_GT(table->prices.size(), 30U);
  for (const cost::Price& price : table->prices) {
    EXPECT_FALSE(price.source.empty()) << price.gpu;
    EXPECT_FALSE(price.provider.empty()) << price.gpu;
    EXPECT_LE(price.date, table->date) << price.gpu;
    EXPECT_TRUE(price.memory_gb) << price.gpu;
    EXPECT_GT(price.hour, 0) << price.gpu;
  }
}

}  // namespace
}  // namespace mig::config
