// SPDX-License-Identifier: Apache-2.0
// What runs under MPS say of instances: bounds that hold for any job whose memory traffic is known,
// and the verdicts that follow on figures of a real H200 (bench/results/rightsize_h200.json).
#include "advise/mps_bound.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "advise/rightsize.h"
#include "advise/slowdown.h"

namespace mig::advise {
namespace {

using rightsize::Basis;
using rightsize::Choice;
using rightsize::Prediction;
using rightsize::Size;
using rightsize::TargetKind;

std::vector<Size> h200() {
  return {{"1g.18gb", {16.0 / 132, 1.0 / 8}, 16, 16384, 1.0 / 7},
          {"1g.35gb", {26.0 / 132, 2.0 / 8}, 26, 33280, 2.0 / 8},
          {"2g.35gb", {32.0 / 132, 2.0 / 8}, 32, 33280, 2.0 / 7},
          {"3g.71gb", {60.0 / 132, 4.0 / 8}, 60, 71424, 0.5},
          {"4g.71gb", {64.0 / 132, 4.0 / 8}, 64, 71424, 4.0 / 7},
          {"7g.141gb", {1, 1}, 132, 143360, 1}};
}

// As the command does it: the whole GPU, then runs under MPS.
std::vector<Prediction> after(double whole, const std::vector<MpsPoint>& runs) {
  std::vector<Point> points = {{{1, 1}, whole, 0}};
  for (const MpsPoint& run : runs) {
    points.push_back({{run.sm / 132.0, 1}, run.seconds, run.noise});
  }
  const auto slowdown = Slowdown::of(points, shipped_shape());
  std::vector<Prediction> predictions = predict(*slowdown, h200(), std::nullopt, 0.1);
  bound_by_mps(predictions, runs, *slowdown, shipped_shape());
  return predictions;
}

const Prediction& of(const std::vector<Prediction>& predictions, const std::string& profile) {
  return *std::find_if(predictions.begin(), predictions.end(), [&](const Prediction& at) {
    return at.size.profile == profile;
  });
}

Choice at_speed(const std::vector<Prediction>& predictions, double speed) {
  return choose(predictions, {TargetKind::kSpeed, speed, 1, ""});
}

TEST(MpsBound, NoTrafficCannotBeCappedAndAllOfItIsInProportion) {
  EXPECT_DOUBLE_EQ(most_stretch(0, 0.25), 1);
  EXPECT_DOUBLE_EQ(most_stretch(kStreamActivity, 0.25), 4);
  EXPECT_DOUBLE_EQ(most_stretch(std::nullopt, 0.5), 2) << "not known: it may be all of it";
  EXPECT_DOUBLE_EQ(most_stretch(kStreamActivity / 2, 0.5), 1.5);
  EXPECT_DOUBLE_EQ(most_stretch(0.5, 1), 1);
}

// The conv net of the H200: 0.002 % DRAM activity, the same speed on all shares.
TEST(MpsBound, ARunWithoutTrafficStandsAndDecides) {
  const std::vector<MpsPoint> two = {{32, 1 / 261.95, 0, 2e-5, std::nullopt}};
  const Choice open = at_speed(after(1 / 262.0, two), 0.9);
  EXPECT_EQ(open.verdict, rightsize::Verdict::kUndecided);
  EXPECT_EQ(next_run(after(1 / 262.0, two), open), "1g.18gb");
  const auto three = after(1 / 262.0, {two.front(), {16, 1 / 264.37, 0.01, 1e-5, std::nullopt}});
  EXPECT_EQ(of(three, "1g.18gb").basis, Basis::kMeasured);
  EXPECT_TRUE(of(three, "1g.18gb").by_mps);
  EXPECT_DOUBLE_EQ(of(three, "1g.18gb").seconds.high, 1.01 / 264.37) << "its own noise only";
  const Choice choice = at_speed(three, 0.9);
  EXPECT_EQ(choice.verdict, rightsize::Verdict::kChosen);
  EXPECT_EQ(choice.profile, "1g.18gb");
  EXPECT_NE(choice.why.find("by MPS, with too little memory traffic"), std::string::npos);
}

// The course's small model on the H200.
TEST(MpsBound, ARunWithTrafficIsTheMostAndIsWidened) {
  const double whole = 1 / 11573.8;
  const std::vector<MpsPoint> runs = {{32, 1 / 5957.2, 0.01, 0.133, std::nullopt},
                                      {60, 1 / 8323.4, 0.01, 0.184, std::nullopt},
                                      {64, 1 / 9417.5, 0.01, 0.21, std::nullopt}};
  const auto predictions = after(whole, runs);
  const Prediction& large = of(predictions, "4g.71gb");
  EXPECT_EQ(large.basis, Basis::kMps);
  EXPECT_NEAR(large.speed.high, 9417.5 / 11573.8 / 0.99, 1e-9) << "MPS is the most";
  EXPECT_NEAR(large.speed.low, large.speed.high * 0.99 / 1.01 / (1 + 0.21 / 0.76), 1e-9);
  // What even MPS does not reach is out, so the whole GPU is chosen.
  const Choice most = at_speed(predictions, 0.9);
  EXPECT_EQ(most.verdict, rightsize::Verdict::kChosen);
  EXPECT_EQ(most.profile, "7g.141gb");
  // What only the bandwidth decides stays undecided, and says what would decide it.
  const Choice open = at_speed(predictions, 0.75);
  EXPECT_EQ(open.verdict, rightsize::Verdict::kUndecided);
  EXPECT_EQ(open.profile, "7g.141gb");
  EXPECT_EQ(open.measure, "4g.71gb");
  EXPECT_NE(open.why.find("only a run on an instance of it decides"), std::string::npos);
  EXPECT_NE(open.why.find("was measured by MPS"), std::string::npos);
  EXPECT_EQ(next_run(predictions, open), "") << "MPS can do no more";
  // With the whole traffic counted 3g keeps half of the speed, and 2g cannot for certain.
  const Choice half = at_speed(predictions, 0.55);
  EXPECT_EQ(half.profile, "3g.71gb");
  EXPECT_EQ(half.verdict, rightsize::Verdict::kChosen);
}

TEST(MpsBound, UnknownTrafficIsBoundedByTheRunBesideAStream) {
  const MpsPoint alone{32, 2, 0, std::nullopt, std::nullopt};
  EXPECT_DOUBLE_EQ(of(after(1, {alone}), "2g.35gb").seconds.high, 8);
  MpsPoint beside = alone;
  beside.beside_seconds = 3;
  EXPECT_DOUBLE_EQ(of(after(1, {beside}), "2g.35gb").seconds.high, 3);
  beside.beside_seconds = 1.5;
  EXPECT_DOUBLE_EQ(of(after(1, {beside}), "2g.35gb").seconds.high, 2) << "not faster than alone";
  beside.beside_seconds = 100;
  EXPECT_DOUBLE_EQ(of(after(1, {beside}), "2g.35gb").seconds.high, 8) << "the bound is nearer";
}

TEST(MpsBound, OneMultiprocessorMoreThanAskedForIsCountedAndTwoAreNot) {
  const auto one = after(1, {{33, 2, 0, 0.0, std::nullopt}});
  EXPECT_NEAR(of(one, "2g.35gb").seconds.high, 2 * 33.0 / 32, 1e-9);
  EXPECT_FALSE(of(after(1, {{34, 2, 0, 0.0, std::nullopt}}), "2g.35gb").by_mps);
}

TEST(MpsBound, TheNextLargerOneIsRunWhereTheNamedOneIsUsedUp) {
  const auto predictions = after(1, {{32, 1.2, 0, 0.5, std::nullopt}});
  Choice choice = at_speed(predictions, 0.7);
  ASSERT_EQ(choice.verdict, rightsize::Verdict::kUndecided);
  EXPECT_EQ(choice.profile, "7g.141gb");
  choice.measure = "2g.35gb";
  EXPECT_EQ(next_run(predictions, choice), "3g.71gb");
}

TEST(MpsBound, AProfileThatWasNotRunHasTheBandwidthsBoundToo) {
  // As fast on 32 multiprocessors as on all, with the memory busy: on 3g it may be slower by half.
  const auto predictions = after(1, {{32, 1, 0, kStreamActivity, std::nullopt}});
  EXPECT_GE(of(predictions, "3g.71gb").seconds.high, 2);
  EXPECT_EQ(of(predictions, "3g.71gb").basis, Basis::kBetween);
  EXPECT_FALSE(of(predictions, "3g.71gb").by_mps);
}

// Jobs in phases: part of the time at the memory's full speed, part on the SMs, part on the host.
// An instance stretches the phases that it caps; the bounds hold, and no choice is too small.
TEST(MpsBoundProperty, HoldsForPhasesAndIsNeverTooSmall) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> unit(0, 1);
  int chosen = 0;
  constexpr int kJobs = 3000;
  for (int round = 0; round < kJobs; ++round) {
    const double host = unit(random);
    const double compute = unit(random) * unit(random);
    const double traffic = 0.2 * unit(random) * unit(random);  // at the memory's full speed
    const double reach = 1 + 3 * unit(random);  // a share of the SMs draws so much more bandwidth
    const auto seconds = [&](double sm, double bandwidth) {
      return host + compute / sm + traffic / std::min({1.0, bandwidth, reach * sm});
    };
    std::vector<MpsPoint> runs;
    const auto run = [&](std::size_t index) {
      const Size size = h200()[index];
      const double took = seconds(size.share.sm, 1);
      runs.push_back({size.sm, took, 0, kStreamActivity * traffic / took, std::nullopt});
    };
    run(2);
    const double speed = 0.3 + 0.65 * unit(random);
    for (int more = 0; more <= 3; ++more) {
      const auto predictions = after(seconds(1, 1), runs);
      for (const Prediction& at : predictions) {
        const double truth = seconds(at.size.share.sm, at.size.share.bandwidth);
        if (at.by_mps && at.basis == Basis::kMps) {
          ASSERT_LE(truth, at.seconds.high * (1 + 1e-9)) << round << " " << at.size.profile;
          ASSERT_GE(truth, at.seconds.low * (1 - 1e-9)) << round << " " << at.size.profile;
        } else if (at.by_mps) {
          ASSERT_LE(truth, at.seconds.high * (1 + shipped_shape().noise + 1e-9));
        }
      }
      const Choice choice = at_speed(predictions, speed);
      const Prediction& advised = of(predictions, choice.profile);
      ASSERT_GE(seconds(1, 1) / seconds(advised.size.share.sm, advised.size.share.bandwidth),
                speed / (1 + shipped_shape().noise) - 1e-9)
          << round << " " << choice.profile;
      chosen += choice.verdict == rightsize::Verdict::kChosen ? 1 : 0;
      const std::string next = next_run(predictions, choice);
      if (next.empty()) {
        break;
      }
      run(static_cast<std::size_t>(&of(predictions, next) - predictions.data()));
    }
  }
  EXPECT_GT(chosen, kJobs / 3) << "bounds that never decide would be of no use";
}

}  // namespace
}  // namespace mig::advise
