// SPDX-License-Identifier: Apache-2.0
#include "advise/student.h"

#include <cmath>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

namespace mig::advise {
namespace {

// Values from printed tables of the distribution.
TEST(Student, TwoSidedPointsAreTheTables) {
  EXPECT_NEAR(student_t(0.95, 1), 12.7062, 1e-4);
  EXPECT_NEAR(student_t(0.95, 2), 4.30265, 1e-5);
  EXPECT_NEAR(student_t(0.95, 4), 2.77645, 1e-5);
  EXPECT_NEAR(student_t(0.95, 9), 2.26216, 1e-5);
  EXPECT_NEAR(student_t(0.95, 30), 2.04227, 1e-5);
  EXPECT_NEAR(student_t(0.99, 4), 4.60409, 1e-5);
  EXPECT_NEAR(student_t(0.90, 3), 2.35336, 1e-5);
}

// Oracle: numeric integral of the density.
TEST(Student, CdfIsTheAreaUnderTheDensity) {
  for (const double freedom : {1.0, 2.0, 3.0, 7.0, 25.0}) {
    const double scale = std::exp(std::lgamma((freedom + 1) / 2) - std::lgamma(freedom / 2)) /
                         std::sqrt(freedom * std::numbers::pi);
    constexpr double kStep = 1e-4;
    double area = 0.5;
    double next = 0.5;
    for (double t = 0; t < 6; t += kStep) {
      if (t >= next) {
        EXPECT_NEAR(student_cdf(t, freedom), area, 1e-6) << freedom << " at " << t;
        EXPECT_NEAR(student_cdf(-t, freedom), 1 - area, 1e-6) << freedom << " at " << -t;
        next += 0.5;
      }
      const double middle = t + kStep / 2;
      area += kStep * scale * std::pow(1 + middle * middle / freedom, -(freedom + 1) / 2);
    }
  }
}

// Calculated by hand: ratios 0.5, 0.8 and 1.0. Logarithms -0.693147, -0.223144, 0: mean -0.305430,
// deviation 0.353824, error 0.204281; t(2) = 4.302653, half width 0.878948.
TEST(PairedRatio, ByHand) {
  const auto ratio = paired_ratio({100, 100, 50}, {50, 80, 50}, 0.95);
  ASSERT_TRUE(ratio && ratio->low && ratio->high);
  EXPECT_NEAR(ratio->value, 0.736806, 1e-6);
  EXPECT_NEAR(*ratio->low, 0.305936, 1e-6);
  EXPECT_NEAR(*ratio->high, 1.774499, 1e-6);
}

TEST(PairedRatio, EqualRatiosHaveNoWidth) {
  const auto ratio = paired_ratio({1, 2, 4}, {0.5, 1, 2}, 0.95);
  ASSERT_TRUE(ratio && ratio->low);
  EXPECT_DOUBLE_EQ(*ratio->low, 0.5);
  EXPECT_DOUBLE_EQ(*ratio->high, 0.5);
}

TEST(PairedRatio, OnePairHasNoInterval) {
  const auto ratio = paired_ratio({4}, {3}, 0.95);
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->value, 0.75);
  EXPECT_FALSE(ratio->low);
  EXPECT_FALSE(paired_ratio({}, {}, 0.95));
}

TEST(PairedRatio, WhatIsNoSpeedGivesNoRatio) {
  EXPECT_FALSE(paired_ratio({0, 1}, {1, 1}, 0.95));
  EXPECT_FALSE(paired_ratio({1, 1}, {-1, 1}, 0.95));
  EXPECT_FALSE(paired_ratio({1, 1}, {std::nan(""), 1}, 0.95));
  EXPECT_FALSE(paired_ratio({1, 1}, {INFINITY, 1}, 0.95));
}

// Coverage: over many experiments of three, four or eight noisy pairs the interval contains the
// true ratio as often as its confidence states.
TEST(PairedRatio, CoversAsOftenAsItPromises) {
  std::mt19937 random(11);
  std::normal_distribution<double> noise(0, 0.1);
  for (const int rounds : {3, 4, 8}) {
    constexpr int kExperiments = 4000;
    int covered = 0;
    for (int i = 0; i < kExperiments; ++i) {
      std::vector<double> alone;
      std::vector<double> beside;
      for (int r = 0; r < rounds; ++r) {
        alone.push_back(100 * std::exp(noise(random)));
        beside.push_back(70 * std::exp(noise(random)));
      }
      const auto ratio = paired_ratio(alone, beside, 0.95);
      ASSERT_TRUE(ratio && ratio->low);
      covered += *ratio->low <= 0.7 && 0.7 <= *ratio->high ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(covered) / kExperiments, 0.95, 0.012) << rounds;
  }
}

}  // namespace
}  // namespace mig::advise
