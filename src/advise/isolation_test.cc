// SPDX-License-Identifier: Apache-2.0
#include "advise/isolation.h"

#include <gtest/gtest.h>

namespace mig::advise {
namespace {

using isolation::Criteria;
using isolation::Finding;
using isolation::Sample;
using isolation::Verdict;

std::vector<Sample> samples(const std::vector<double>& speeds, double tail = 1) {
  std::vector<Sample> out;
  for (const double speed : speeds) {
    Sample sample;
    sample.lived = speed > 0;
    sample.steps_per_second = speed;
    sample.step_ms_p50 = speed > 0 ? 1000 / speed : 0;
    sample.step_ms_p99 = tail * sample.step_ms_p50;
    sample.error = speed > 0 ? "" : "CUDA_ERROR_ILLEGAL_ADDRESS";
    sample.neighbour_worked = true;
    out.push_back(sample);
  }
  return out;
}

TEST(Verdict, NotSlowedByMoreThanTheMarginIsIsolated) {
  const Verdict verdict = judge(samples({100, 101, 99}), samples({99.9, 101.2, 98.7}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kIsolated);
  ASSERT_TRUE(verdict.share);
  EXPECT_NEAR(verdict.share->value, 0.999, 0.003);
  EXPECT_FALSE(verdict.long_tail);
}

TEST(Verdict, CertainlySlowerIsSlowed) {
  const Verdict verdict = judge(samples({100, 101, 99}), samples({70, 71, 69}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kSlowed);
  ASSERT_TRUE(verdict.share);
  EXPECT_NEAR(verdict.share->value, 0.7, 0.01);
  ASSERT_TRUE(verdict.p50_factor);
  EXPECT_NEAR(verdict.p50_factor->value, 1 / 0.7, 0.02);
}

// Slower for certain, by 3 to 7 %: whether beyond the margin is open, but it is slower.
TEST(Verdict, SlowerAroundTheMarginIsSlowed) {
  const Verdict verdict = judge(samples({100, 100, 100}), samples({95.8, 94.4, 95}), Criteria{});
  ASSERT_TRUE(verdict.share && verdict.share->low && verdict.share->high);
  EXPECT_LT(*verdict.share->low, 0.95);
  EXPECT_LT(*verdict.share->high, 1);
  EXPECT_EQ(verdict.finding, Finding::kSlowed);
}

TEST(Verdict, NoiseIsNotDecided) {
  const Verdict verdict = judge(samples({100, 100, 100}), samples({60, 120, 95}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kUndecided);
  EXPECT_NE(verdict.why.find("too wide"), std::string::npos);
}

TEST(Verdict, OneRoundDecidesOnlyADeath) {
  EXPECT_EQ(judge(samples({100}), samples({100}), Criteria{}).finding, Finding::kUndecided);
  const Verdict verdict = judge(samples({100}), samples({0}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kKilled);
  EXPECT_EQ(verdict.why, "CUDA_ERROR_ILLEGAL_ADDRESS");
  EXPECT_FALSE(verdict.share) << "there is no speed of the dead";
}

TEST(Verdict, OneDeathOfManyIsADeath) {
  const Verdict verdict = judge(samples({100, 100, 100}), samples({100, 0, 100}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kKilled);
  ASSERT_TRUE(verdict.share);
  EXPECT_NEAR(verdict.share->value, 1, 1e-9);
}

// A victim that died half-way has a partial speed, which must not count.
TEST(Verdict, TheSpeedOfTheDeadIsNoSpeed) {
  auto beside = samples({100, 40, 100});
  beside[1].lived = false;
  const Verdict died_beside = judge(samples({100, 100, 100}), beside, Criteria{});
  ASSERT_TRUE(died_beside.share);
  EXPECT_NEAR(died_beside.share->value, 1, 1e-9);
  auto alone = samples({100, 40, 100});
  alone[1].lived = false;
  const Verdict died_alone = judge(alone, samples({100, 100, 100}), Criteria{});
  ASSERT_TRUE(died_alone.share);
  EXPECT_NEAR(died_alone.share->value, 1, 1e-9);
}

TEST(Verdict, AVictimThatFailsAloneProvesNothing) {
  const Verdict verdict = judge(samples({100, 0}), samples({0, 0}), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kUndecided);
  EXPECT_NE(verdict.why.find("fails alone"), std::string::npos);
}

TEST(Verdict, ANeighbourThatDidNothingProvesNothing) {
  auto beside = samples({100, 100, 100});
  beside[1].neighbour_worked = false;
  beside[1].neighbour_error = "no cuBLASLt";
  const Verdict verdict = judge(samples({100, 100, 100}), beside, Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kUndecided);
  EXPECT_NE(verdict.why.find("no cuBLASLt"), std::string::npos);
  beside[1].lived = false;
  EXPECT_EQ(judge(samples({100, 100, 100}), beside, Criteria{}).finding, Finding::kUndecided)
      << "who died of something else was not killed by it";
}

TEST(Verdict, OutsideTheMpsServerProvesNothing) {
  auto beside = samples({100, 100, 100});
  beside[2].mps_member = false;
  EXPECT_EQ(judge(samples({100, 100, 100}), beside, Criteria{}).finding, Finding::kUndecided);
  beside[2].mps_member = true;
  EXPECT_EQ(judge(samples({100, 100, 100}), beside, Criteria{}).finding, Finding::kIsolated);
}

TEST(Verdict, ALongTailIsSaidBesideTheSpeed) {
  const Verdict verdict =
      judge(samples({100, 101, 99}, 1.1), samples({100, 101, 99}, 4), Criteria{});
  EXPECT_EQ(verdict.finding, Finding::kIsolated);
  EXPECT_TRUE(verdict.long_tail);
  ASSERT_TRUE(verdict.p99_factor);
  EXPECT_NEAR(verdict.p99_factor->value, 4 / 1.1, 1e-6);
}

TEST(Verdict, OfAStoppedTestTheRoundsThatAreThereCount) {
  EXPECT_EQ(judge(samples({100, 100, 100}), samples({50, 50}), Criteria{}).finding,
            Finding::kSlowed);
  EXPECT_EQ(judge({}, {}, Criteria{}).finding, Finding::kUndecided);
}

}  // namespace
}  // namespace mig::advise
