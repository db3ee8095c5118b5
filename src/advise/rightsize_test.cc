// SPDX-License-Identifier: Apache-2.0
#include "advise/rightsize.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Choice;
using rightsize::Prediction;
using rightsize::Size;
using rightsize::Target;
using rightsize::TargetKind;

std::vector<Size> a100() {
  return {{"1g.5gb", {14.0 / 98, 1.0 / 8}, 14, 4864, 1.0 / 7},
          {"2g.10gb", {28.0 / 98, 2.0 / 8}, 28, 9856, 2.0 / 7},
          {"3g.20gb", {42.0 / 98, 4.0 / 8}, 42, 19968, 0.5},
          {"4g.20gb", {56.0 / 98, 4.0 / 8}, 56, 19968, 4.0 / 7},
          {"7g.40gb", {1, 1}, 98, 40192, 1}};
}

std::vector<Prediction> of(const std::vector<std::pair<int, double>>& measured,
                           std::optional<std::uint64_t> memory = std::nullopt) {
  std::vector<Point> points;
  for (const auto& [index, seconds] : measured) {
    points.push_back({a100()[static_cast<std::size_t>(index)].share, seconds, 0});
  }
  return predict(*Slowdown::of(points, shipped_shape()), a100(), memory, 0.1);
}

Choice at_speed(const std::vector<Prediction>& predictions, double speed) {
  return choose(predictions, {TargetKind::kSpeed, speed, 1, ""});
}

TEST(Rightsize, AllMeasuredIsDecided) {
  // MISO, bert batch 2 without the 1g that ran out of memory there.
  const auto bert = of({{4, 0.0472}, {3, 0.0686}, {2, 0.0753}, {1, 0.1213}, {0, 0.25}});
  EXPECT_EQ(at_speed(bert, 0.5).profile, "3g.20gb");
  EXPECT_EQ(at_speed(bert, 0.5).verdict, rightsize::Verdict::kChosen);
  EXPECT_EQ(at_speed(bert, 0.65).profile, "4g.20gb");
  EXPECT_EQ(at_speed(bert, 0.95).profile, "7g.40gb");
}

TEST(Rightsize, UndecidedNamesWhatToMeasureAndIsDecidedByIt) {
  // MISO, mobilenet batch 64: 1g has 0.81 of the speed.
  const Choice first = at_speed(of({{4, 0.0188}, {1, 0.0208}}), 0.8);
  EXPECT_EQ(first.verdict, rightsize::Verdict::kUndecided);
  EXPECT_EQ(first.profile, "2g.10gb");
  EXPECT_EQ(first.measure, "1g.5gb");
  const Choice second = at_speed(of({{4, 0.0188}, {1, 0.0208}, {0, 0.0232}}), 0.8);
  EXPECT_EQ(second.verdict, rightsize::Verdict::kChosen);
  EXPECT_EQ(second.profile, "1g.5gb");
}

TEST(Rightsize, MemoryIsTheFirstFilter) {
  const auto flat = of({{4, 0.02}, {0, 0.02}}, 9000);
  EXPECT_EQ(flat[1].fits, false) << "9000 MiB and a tenth do not fit into 9856";
  EXPECT_EQ(at_speed(flat, 0.9).profile, "3g.20gb");
  EXPECT_EQ(at_speed(of({{4, 0.02}, {0, 0.02}}, 60000), 0.9).verdict, rightsize::Verdict::kNone);
}

TEST(Rightsize, DeadlineLatencyAndCost) {
  const auto all = of({{4, 1}, {3, 1.3}, {2, 1.5}, {1, 2.5}, {0, 5}});
  EXPECT_EQ(choose(all, {TargetKind::kLatency, 1.5, 1, ""}).profile, "3g.20gb");
  EXPECT_EQ(choose(all, {TargetKind::kDeadline, 14, 10, ""}).profile, "4g.20gb");
  const Choice late = choose(all, {TargetKind::kDeadline, 5, 10, ""});
  EXPECT_EQ(late.verdict, rightsize::Verdict::kNone);
  // GPU-seconds a unit: 0.714, 0.714, 0.75, 0.743, 1.
  const auto cheap = of({{4, 1}, {3, 1.3}, {2, 1.5}, {1, 2.5}, {0, 4.5}});
  EXPECT_EQ(choose(cheap, {TargetKind::kCost, 0, 1, ""}).profile, "1g.5gb");
  EXPECT_EQ(choose(cheap, {TargetKind::kCost, 0, 1, ""}).verdict, rightsize::Verdict::kChosen);
}

TEST(Rightsize, SecondSizeHasAFifthOfTheGpuAndTheMemory) {
  EXPECT_EQ(second_size(a100(), std::nullopt, 0.1)->profile, "2g.10gb");
  EXPECT_EQ(second_size(a100(), 12000, 0.1)->profile, "3g.20gb");
  EXPECT_EQ(second_size(a100(), 30000, 0.1), nullptr);
}

TEST(Rightsize, RecalibrationNeedsFiveChecksAndHasLimits) {
  const auto shape = shipped_shape();
  EXPECT_EQ(recalibrated(shape, {9, 9, 9, 9}), shape);
  EXPECT_DOUBLE_EQ(recalibrated(shape, {2, 2, 2, 2, 2}).width, 2 * shape.width);
  EXPECT_DOUBLE_EQ(recalibrated(shape, {0, 0, 0, 0, 0}).width, 0.5 * shape.width);
  EXPECT_DOUBLE_EQ(recalibrated(shape, {99, 99, 99, 99, 99}).width, 10 * shape.width);
}

TEST(Rightsize, AWiderIntervalOfThisMachineIsWiderForItsPredictions) {
  auto wide = shipped_shape();
  wide.width *= 3;
  const std::vector<Point> points = {{{1, 1}, 0.05, 0}, {a100()[0].share, 0.3, 0}};
  const auto shipped = Slowdown::of(points, shipped_shape())->at(a100()[2].share).seconds;
  const auto own = Slowdown::of(points, wide)->at(a100()[2].share).seconds;
  EXPECT_GT(own.high - own.low, shipped.high - shipped.low);
}

// Whatever follows a + b / sm + c / bandwidth, which is not the model's own form: the profile is
// never too small, and two further measurements where they are asked for decide.
TEST(RightsizeProperty, NeverTooSmallAndDecidedByWhatItAsksFor) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  constexpr int kJobs = 4000;
  int decided = 0;
  for (int round = 0; round < kJobs; ++round) {
    const double a = unit(random);
    const double b = unit(random) * unit(random);
    const double c = unit(random) * unit(random);
    std::vector<double> seconds;
    for (const Size& size : a100()) {
      seconds.push_back(a + b / size.share.sm + c / size.share.bandwidth);
    }
    const auto index = [](const std::string& profile) {
      const std::vector<Size> sizes = a100();
      const auto at = std::find_if(
          sizes.begin(), sizes.end(), [&](const Size& one) { return one.profile == profile; });
      return static_cast<std::size_t>(at - sizes.begin());
    };
    const double speed = 0.4 + 0.58 * unit(random);
    const auto second = static_cast<std::size_t>(round % 3);
    std::vector<std::pair<int, double>> measured = {{4, seconds[4]},
                                                    {static_cast<int>(second), seconds[second]}};
    Choice choice;
    for (int more = 0; more <= 2; ++more) {
      choice = at_speed(of(measured), speed);
      ASSERT_FALSE(choice.profile.empty()) << "the whole GPU always is enough";
      ASSERT_GE(seconds[4] / seconds[index(choice.profile)], speed * (1 - 1e-6))
          << a << " " << b << " " << c << " " << second << " " << choice.profile;
      if (choice.verdict == rightsize::Verdict::kChosen) {
        ++decided;
        break;
      }
      measured.emplace_back(index(choice.measure), seconds[index(choice.measure)]);
    }
  }
  EXPECT_GT(decided, kJobs * 9 / 10);
}

TEST(Rightsize, WordsOfTheHost) {
  EXPECT_NE(host_words(0.88, std::nullopt).find("88 %"), std::string::npos);
  EXPECT_NE(host_words(0.88, std::nullopt).find("host-bound"), std::string::npos);
  EXPECT_EQ(host_words(0.1, std::nullopt), "the GPU works for 90 % of the time");
  EXPECT_NE(host_words(std::nullopt, std::nullopt).find("not known"), std::string::npos);
}

}  // namespace
}  // namespace mig::advise
