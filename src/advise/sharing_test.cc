// SPDX-License-Identifier: Apache-2.0
#include "advise/sharing.h"

#include <functional>

#include <gtest/gtest.h>

namespace mig::advise {
namespace {

using isolation::Estimate;
using sharing::Choice;
using sharing::JobRun;
using sharing::Report;
using sharing::Round;
using sharing::Way;
using sharing::WayReport;

Estimate about(double value) {
  return {value, value * 0.98, value * 1.02};
}

struct Case {
  const char* name;
  std::function<void(SharingFacts&)> facts;
  Choice choice;
  const char* rule;  // that fired; "" = none
};

// The questions of "when to use which", in their order. Each case differs from a machine with MIG
// on which nothing was measured by what it names.
const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"nothing known", [](SharingFacts&) {}, Choice::kUndecided, ""},
      {"untrusted", [](SharingFacts& f) { f.wishes.untrusted = true; }, Choice::kMig, "isolation"},
      {"guarantee", [](SharingFacts& f) { f.wishes.guarantee = true; }, Choice::kMig, "isolation"},
      {"isolation comes before a gain",
       [](SharingFacts& f) {
         f.wishes.untrusted = true;
         f.mps_gain = about(1.9);
       },
       Choice::kMig,
       "isolation"},
      {"untrusted without MIG",
       [](SharingFacts& f) {
         f.wishes.untrusted = true;
         f.mig_possible = false;
       },
       Choice::kWholeGpu,
       "isolation"},
      {"untrusted and NVLink",
       [](SharingFacts& f) { f.wishes.untrusted = f.wishes.linked = true; },
       Choice::kWholeGpu,
       "isolation"},
      {"untrusted and too large",
       [](SharingFacts& f) {
         f.wishes.untrusted = true;
         f.fits_instance = false;
       },
       Choice::kWholeGpu,
       "isolation"},
      {"MPS gains", [](SharingFacts& f) { f.mps_gain = about(1.5); }, Choice::kMps, "gain"},
      {"MPS with limits gains more",
       [](SharingFacts& f) {
         f.mps_gain = about(1.05);
         f.mps_limits_gain = about(1.3);
         f.time_slicing_gain = about(1.0);
       },
       Choice::kMps,
       "gain"},
      {"time-slicing gains as much",
       [](SharingFacts& f) {
         f.mps_gain = about(1.5);
         f.time_slicing_gain = about(1.6);
       },
       Choice::kTimeSlicing,
       "gain"},
      {"a gain before NVLink",
       [](SharingFacts& f) {
         f.wishes.linked = true;
         f.mps_gain = about(1.5);
       },
       Choice::kMps,
       "gain"},
      {"a gain of one round proves nothing",
       [](SharingFacts& f) {
         f.mps_gain = Estimate{1.9, {}, {}};
       },
       Choice::kUndecided,
       ""},
      {"a gain whose interval reaches down proves nothing",
       [](SharingFacts& f) {
         f.mps_gain = Estimate{2.1, 1.05, 4.2};
       },
       Choice::kUndecided,
       ""},
      {"a gain of jobs that died is none",
       [](SharingFacts& f) {
         f.mps_gain = about(2.4);
         f.fits_together = false;
       },
       Choice::kUndecided,
       ""},
      {"bursty",
       [](SharingFacts& f) {
         f.wishes.bursty = true;
         f.fits_together = true;
         f.time_slicing_gain = about(0.97);
       },
       Choice::kTimeSlicing,
       "bursty"},
      {"bursty, and they do not fit",
       [](SharingFacts& f) {
         f.wishes.bursty = true;
         f.fits_together = false;
       },
       Choice::kUndecided,
       ""},
      {"no gain: one fills it",
       [](SharingFacts& f) {
         f.mps_gain = about(1.02);
         f.time_slicing_gain = about(0.98);
       },
       Choice::kWholeGpu,
       "filled"},
      {"NVLink", [](SharingFacts& f) { f.wishes.linked = true; }, Choice::kWholeGpu, "filled"},
      {"too large", [](SharingFacts& f) { f.fits_instance = false; }, Choice::kWholeGpu, "filled"},
      {"many of one model",
       [](SharingFacts& f) { f.wishes.same_model = true; },
       Choice::kMigWithMps,
       "many"},
      {"many of one model without MIG",
       [](SharingFacts& f) {
         f.wishes.same_model = true;
         f.mig_possible = false;
       },
       Choice::kUndecided,
       ""},
  };
  return kCases;
}

TEST(SharingAdvice, Table) {
  for (const Case& one : cases()) {
    SharingFacts facts;
    facts.mig_possible = true;
    one.facts(facts);
    const sharing::Advice advice = advise_sharing(facts);
    EXPECT_STREQ(name_of(advice.choice), name_of(one.choice)) << one.name;
    ASSERT_FALSE(advice.rules.empty()) << one.name;
    const sharing::Rule& last = advice.rules.back();
    EXPECT_EQ(last.fired ? last.name : "", one.rule) << one.name;
    for (const sharing::Rule& rule : advice.rules) {
      EXPECT_FALSE(rule.because.empty()) << one.name << ": " << rule.name;
      EXPECT_EQ(rule.fired, one.rule == rule.name) << one.name << ": one rule decides, the last";
    }
  }
}

TEST(SharingAdvice, MigIsNotSaidToHideWhatRuns) {
  SharingFacts facts;
  facts.mig_possible = facts.wishes.untrusted = true;
  const sharing::Advice advice = advise_sharing(facts);
  ASSERT_EQ(advice.warnings.size(), 1U);
  EXPECT_NE(advice.warnings[0].find("memory barriers"), std::string::npos);
}

TEST(SharingAdvice, WhatDiedHereIsWarnedOf) {
  SharingFacts facts;
  facts.mps_gain = about(1.5);
  facts.fault_kills_mps = true;
  EXPECT_EQ(advise_sharing(facts).warnings,
            std::vector<std::string>{"a fault of one job killed the other under MPS here"});
}

Round round_of(const std::vector<double>& speeds) {
  Round round;
  round.seconds = 2;
  for (const double speed : speeds) {
    JobRun job;
    job.lived = speed > 0;
    job.per_second = speed;
    round.jobs.push_back(job);
  }
  return round;
}

WayReport way_of(Way way, std::vector<Round> rounds) {
  WayReport report;
  report.way = way;
  report.rounds = std::move(rounds);
  return report;
}

// By hand: 100 and 80 one after another are 90 a second of the machine; 60 and 30 at once are 90,
// a gain of 1; Jain (60+30)^2 / (2 (3600+900)) = 0.9; the slower has half the speed.
TEST(SharingFigures, WorkedByHand) {
  Report report;
  report.jobs = 2;
  report.ways = {way_of(Way::kExclusive, {round_of({100, 80}), round_of({100, 80})}),
                 way_of(Way::kTimeSlicing, {round_of({60, 30}), round_of({60, 30})})};
  report.ways[1].rounds[0].energy_joules = report.ways[1].rounds[1].energy_joules = 360;
  sum_up(report);
  const sharing::Figures& alone = report.ways[0].figures;
  const sharing::Figures& sliced = report.ways[1].figures;
  EXPECT_NEAR(alone.throughput->value, 90, 1e-9);
  EXPECT_NEAR(alone.per_job[0]->value, 50, 1e-9);
  EXPECT_NEAR(alone.gain->value, 1, 1e-9);
  EXPECT_NEAR(sliced.throughput->value, 90, 1e-9);
  EXPECT_NEAR(sliced.gain->value, 1, 1e-9);
  EXPECT_NEAR(sliced.per_job[1]->value, 30, 1e-9);
  EXPECT_NEAR(sliced.jain->value, 0.9, 1e-9);
  EXPECT_NEAR(sliced.least_share->value, 0.5, 1e-9);
  EXPECT_NEAR(sliced.joules_per_unit->value, 2, 1e-9) << "360 J over 2 s of 90 a second";
  EXPECT_FALSE(alone.joules_per_unit);
  EXPECT_FALSE(sliced.step_ms_p50) << "not told is not 0";
}

TEST(SharingFigures, ARoundWithADeathHasNoSpeedAndIsCounted) {
  Report report;
  report.jobs = 2;
  report.ways = {way_of(Way::kExclusive, {round_of({100, 100}), round_of({100, 100})}),
                 way_of(Way::kMps, {round_of({150, 0}), round_of({90, 90})})};
  sum_up(report);
  const sharing::Figures& figures = report.ways[1].figures;
  EXPECT_EQ(figures.died, 1U);
  EXPECT_NEAR(figures.gain->value, 1.8, 1e-9) << "of the second round only";
  EXPECT_FALSE(figures.gain->low);
  EXPECT_EQ(facts_of(report, std::nullopt).fits_together, false);
}

TEST(SharingFigures, FairnessIsNeverAboveOne) {
  Report report;
  report.jobs = 2;
  report.ways = {way_of(Way::kMig, {round_of({100, 100}), round_of({100, 70})})};
  sum_up(report);
  ASSERT_TRUE(report.ways[0].figures.jain->high);
  EXPECT_LE(*report.ways[0].figures.jain->high, 1);
  EXPECT_LE(*report.ways[0].figures.least_share->high, 1);
}

TEST(SharingFacts, FromAReport) {
  Report report;
  report.jobs = 2;
  report.ways = {way_of(Way::kExclusive, {round_of({100, 100})}),
                 way_of(Way::kTimeSlicing, {round_of({40, 40})}),
                 way_of(Way::kMps, {round_of({80, 80})})};
  report.ways[0].rounds[0].jobs[0].memory_bytes = UINT64_C(20) << 30U;
  report.ways[1].neighbours.push_back({"hog memory", {}, {}});
  isolation::Sample lived;
  lived.lived = lived.neighbour_worked = true;
  lived.steps_per_second = lived.step_ms_p50 = lived.step_ms_p99 = 1;
  isolation::Sample died = lived;
  died.lived = false;
  report.ways[1].alone = {lived};
  report.ways[1].neighbours[0].samples = {died};
  sum_up(report);
  SharingFacts facts = facts_of(report, UINT64_C(19) << 10U);
  EXPECT_TRUE(facts.mig_possible);
  EXPECT_EQ(facts.fits_together, true);
  EXPECT_EQ(facts.fits_instance, false) << "20 GiB, 19 GiB";
  EXPECT_EQ(facts.hog_kills, true);
  EXPECT_FALSE(facts.fault_kills_mps) << "not tried";
  EXPECT_NEAR(facts.mps_gain->value, 1.6, 1e-9);
  EXPECT_NEAR(facts.time_slicing_gain->value, 0.8, 1e-9);
  EXPECT_FALSE(facts_of(report, std::nullopt).mig_possible);
}

}  // namespace
}  // namespace mig::advise
