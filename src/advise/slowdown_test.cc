// SPDX-License-Identifier: Apache-2.0
// The model of a unit's time, held against figures that others published, and against what must be
// true of any such model.
#include "advise/slowdown.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Share;

// An A100's profiles: 14, 28, 42, 56, 98 of 98 SMs and 1, 2, 4, 4, 8 of 8 memory slices.
constexpr Share k1g{14.0 / 98, 1.0 / 8};
constexpr Share k2g{28.0 / 98, 2.0 / 8};
constexpr Share k3g{42.0 / 98, 4.0 / 8};
constexpr Share k4g{56.0 / 98, 4.0 / 8};
constexpr Share k7g{1, 1};

Slowdown of(const std::vector<Point>& points) {
  const auto slowdown = Slowdown::of(points, shipped_shape());
  EXPECT_TRUE(slowdown);
  return *slowdown;
}

// MISO (SoCC '22), steps in seconds on real slices of an A100-40GB: resnet, batch 512.
TEST(Slowdown, PredictsAResnetOfAPublishedMeasurement) {
  const Slowdown resnet = of({{k7g, 0.0366, 0}, {k2g, 0.0873, 0}});
  EXPECT_NEAR(resnet.at(k3g).seconds.value, 0.0561, 0.07 * 0.0561);
  EXPECT_NEAR(resnet.at(k4g).seconds.value, 0.0490, 0.07 * 0.0490);
  EXPECT_NEAR(resnet.at(k1g).seconds.value, 0.1637, 0.07 * 0.1637);
  for (const auto& [share, seconds] :
       {std::pair(k1g, 0.1637), std::pair(k3g, 0.0561), std::pair(k4g, 0.0490)}) {
    EXPECT_GE(seconds, resnet.at(share).seconds.low);
    EXPECT_LE(seconds, resnet.at(share).seconds.high);
  }
}

TEST(Slowdown, GoesThroughWhatWasMeasured) {
  const Slowdown job = of({{k2g, 0.2, 0.01}, {k7g, 0.1, 0}});
  EXPECT_EQ(job.at(k2g).basis, Basis::kMeasured);
  EXPECT_DOUBLE_EQ(job.at(k2g).seconds.value, 0.2);
  EXPECT_DOUBLE_EQ(job.at(k2g).seconds.high, 0.202);
  EXPECT_DOUBLE_EQ(job.at(k7g).seconds.high, 0.1);
  EXPECT_EQ(job.at(k4g).basis, Basis::kBetween);
  EXPECT_EQ(job.at(k1g).basis, Basis::kBeyond);
}

TEST(Slowdown, AHostBoundJobIsTheSameEverywhereBetweenAndOpenBeyond) {
  const Slowdown job = of({{k7g, 0.0283, 0}, {k2g, 0.0283, 0}});
  EXPECT_NEAR(job.at(k4g).seconds.value, 0.0283, 1e-9);
  EXPECT_LT(job.at(k4g).seconds.high, 0.0283 * 1.04) << "both shares treat it alike";
  EXPECT_NEAR(job.at(k1g).seconds.value, 0.0283, 1e-9);
  EXPECT_GT(job.at(k1g).seconds.high, 0.0283 * 1.9) << "nothing says that 1g is enough";
  EXPECT_NEAR(*job.fit()->fixed_share, 1, 1e-9);
}

TEST(Slowdown, AJobThatScalesWorseThanItsShareFollowsAPowerLaw) {
  const Slowdown job = of({{k7g, 0.05, 0}, {k2g, 0.25, 0}});
  EXPECT_GT(job.fit()->exponent, 1);
  EXPECT_EQ(job.fit()->fixed_share, 0);
  EXPECT_GT(job.at(k1g).seconds.value, 0.5);
}

TEST(Slowdown, OnePointGivesBoundsOnly) {
  const Slowdown job = of({{k3g, 0.1, 0}});
  EXPECT_FALSE(job.fit());
  EXPECT_LE(job.at(k1g).seconds.low, 0.1);
  EXPECT_GE(job.at(k1g).seconds.high, 0.3);
  EXPECT_EQ(job.at(k7g).basis, Basis::kAbove);
  EXPECT_LE(job.at(k7g).seconds.low, 0.05);
  EXPECT_GE(job.at(k7g).seconds.high, 0.1);
}

TEST(Slowdown, RefusesWhatIsNoMeasurement) {
  EXPECT_FALSE(Slowdown::of({}, shipped_shape()));
  EXPECT_FALSE(Slowdown::of({{k7g, 0, 0}}, shipped_shape()));
  EXPECT_FALSE(Slowdown::of({{k7g, -1, 0}}, shipped_shape()));
  EXPECT_FALSE(Slowdown::of({{k7g, std::nan(""), 0}}, shipped_shape()));
  EXPECT_FALSE(Slowdown::of({{{0, 1}, 1, 0}}, shipped_shape()));
  EXPECT_FALSE(Slowdown::of({{k7g, 1, -0.1}}, shipped_shape()));
}

// Whatever is measured: bounds hold their value, are positive and finite, more of the device is no
// slower, and the unit of time does not matter.
TEST(SlowdownProperty, BoundsOrderAndUnits) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> share(0.05, 1);
  std::uniform_real_distribution<double> log_seconds(-8, 4);
  std::uniform_real_distribution<double> factor(0.97, 12);
  std::uniform_real_distribution<double> noise(0, 0.05);
  for (int round = 0; round < 3000; ++round) {
    const double whole = std::exp(log_seconds(random));
    std::vector<Point> points = {{k7g, whole, noise(random)}};
    const int more = 1 + round % 3;
    for (int i = 0; i < more; ++i) {
      points.push_back({{share(random), share(random)}, whole * factor(random), noise(random)});
    }
    std::vector<Point> scaled = points;
    for (Point& point : scaled) {
      point.seconds *= 1000;
    }
    const Slowdown job = of(points);
    const Slowdown in_ms = of(scaled);
    for (int i = 0; i < 8; ++i) {
      const Share at{share(random), share(random)};
      const auto answer = job.at(at);
      ASSERT_TRUE(std::isfinite(answer.seconds.high));
      ASSERT_GT(answer.seconds.low, 0);
      ASSERT_LE(answer.seconds.low, answer.seconds.value);
      ASSERT_GE(answer.seconds.high, answer.seconds.value);
      ASSERT_NEAR(in_ms.at(at).seconds.value / 1000, answer.seconds.value,
                  1e-9 * answer.seconds.value);
      if (more == 1 && points[1].seconds >= whole) {
        const Share larger{std::min(1.0, at.sm * 1.3), std::min(1.0, at.bandwidth * 1.3)};
        ASSERT_LE(job.at(larger).seconds.value, answer.seconds.value * (1 + 1e-9));
      }
    }
  }
}

}  // namespace
}  // namespace mig::advise
