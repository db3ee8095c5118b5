// SPDX-License-Identifier: Apache-2.0
#include "model/cost_values.h"

#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace mig::cost {
namespace {

TEST(Money, IsReadAsWritten) {
  EXPECT_EQ(parse_money("3.5"), 3'500'000);
  EXPECT_EQ(parse_money("0.000001"), 1);
  EXPECT_EQ(parse_money("1000000000"), 1'000'000'000'000'000);
  for (const char* bad : {"",
                          ".",
                          "1.",
                          ".5",
                          "-1",
                          "+1",
                          "1e3",
                          "1,5",
                          "1.0000001",
                          "1.2.3",
                          "2000000000",
                          "99999999999999999999",
                          " 1",
                          "0x10",
                          "nan"}) {
    EXPECT_FALSE(parse_money(bad)) << bad;
  }
}

TEST(Money, IsWrittenAsRead) {
  EXPECT_EQ(money_text(3'500'000), "3.50");
  EXPECT_EQ(money_text(2'744'705), "2.744705");
  EXPECT_EQ(money_text(-1), "-0.000001");
  EXPECT_EQ(money_text(1'000'000, 0), "1");
  EXPECT_EQ(money_text(0), "0.00");
}

TEST(Cents, AddUpToTheSumRounded) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<Micros> parts(1 + random() % 12);
    for (Micros& part : parts) {
      part = static_cast<Micros>(random() % 5'000'000);
    }
    const Micros sum = std::accumulate(parts.begin(), parts.end(), Micros{0});
    const auto cents = to_cents(parts);
    EXPECT_EQ(std::accumulate(cents.begin(), cents.end(), Micros{0}), (sum + 5000) / 10000 * 10000);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(cents[i] % 10'000, 0);
      EXPECT_LT(std::abs(cents[i] - parts[i]), 10'000);
    }
  }
}

TEST(Words, AreReadBack) {
  for (const Policy policy : kPolicies) {
    EXPECT_EQ(parse_policy(name_of(policy)), policy);
  }
  EXPECT_FALSE(parse_policy("fair"));
  EXPECT_EQ(parse_by("profile"), By::kProfile);
  EXPECT_FALSE(parse_by(""));
}

}  // namespace
}  // namespace mig::cost
