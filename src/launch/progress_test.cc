// SPDX-License-Identifier: Apache-2.0
#include "launch/progress.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using rightsize::RateSource;

Progress reader(const rightsize::RateWords& words = {}) {
  auto progress = Progress::reader(words);
  EXPECT_TRUE(progress) << progress.error().text();
  return std::move(*progress);
}

TEST(Progress, LinesOfTheProtocolGiveTheSlope) {
  Progress progress = reader();
  progress.feed("starting\nmigctl-progress 0\n", 1);
  EXPECT_EQ(progress.began(), 1.0);
  progress.feed("migctl-progress 50\nmigctl-pro", 2);
  progress.feed("gress 150\n", 3);
  progress.feed("migctl-progress 250\n", 4);
  const auto all = progress.rate(0, 10);
  ASSERT_TRUE(all);
  EXPECT_NEAR(all->per_second, 250.0 / 3, 1e-9);
  EXPECT_GT(all->noise, 0.1) << "50, 100 and 100 in a second";
  EXPECT_EQ(all->source, RateSource::kProgress);
  EXPECT_NEAR(progress.rate(2, 4)->per_second, 100, 1e-9) << "without the slow start";
  EXPECT_FALSE(progress.rate(2.5, 3.5)) << "one reading is no rate";
}

TEST(Progress, ReadsThePublishedLabsScript) {
  // As the course's training_job.py prints.
  Progress progress = reader();
  progress.feed("Job job_0: Iteration 0, Loss: 31.2010\n", 0.5);
  progress.feed("Job job_0: Iteration 100, Loss: -881.0712\n", 1.0);
  progress.feed("Job job_0: Iteration 200, Loss: -9921.4414\n", 1.5);
  EXPECT_NEAR(progress.rate(0, 2)->per_second, 200, 1e-9);
}

TEST(Progress, AResultAtTheEndCountsWheneverItComes) {
  Progress progress = reader();
  progress.feed(R"({"apiVersion":"migctl/v1","kind":"WorkloadStarted","simulated":true})"
                "\n",
                1);
  EXPECT_EQ(progress.began(), 1.0);
  EXPECT_FALSE(progress.rate(0, 9));
  progress.feed(R"({"apiVersion":"migctl/v1","kind":"WorkloadResult","stepsPerSecond":201.5})"
                "\n",
                12);
  EXPECT_EQ(progress.rate(0, 9)->per_second, 201.5);
  EXPECT_EQ(progress.rate(0, 9)->source, RateSource::kWorkload);
}

TEST(Progress, TheUsersExpressionsComeFirst) {
  Progress rates = reader({"Throughput: ([0-9.]+) img", ""});
  rates.feed("migctl-progress 1\nThroughput: 10.5 img/s\r", 1);
  rates.feed("Throughput: 12.5 img/s\rThroughput: 11.5 img/s\n", 2);
  EXPECT_EQ(rates.rate(0, 3)->per_second, 11.5) << "the median";
  EXPECT_EQ(rates.rate(0, 3)->source, RateSource::kRegex);

  Progress counts = reader({"", "step ([0-9]+)/100"});
  counts.feed("step 10/100\n", 1);
  counts.feed("step 30/100\n", 2);
  EXPECT_NEAR(counts.rate(0, 3)->per_second, 20, 1e-9);

  Progress matches = reader({"", "^done"});
  for (int second = 1; second <= 5; ++second) {
    matches.feed("done\nother\ndone\n", second);
  }
  EXPECT_NEAR(matches.rate(0, 9)->per_second, 9.0 / 4, 1e-9);
}

TEST(Progress, SaysWhenMemoryRanOut) {
  Progress progress = reader();
  EXPECT_FALSE(progress.out_of_memory());
  progress.feed("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 37.25 GiB.\n", 1);
  EXPECT_TRUE(progress.out_of_memory());
}

TEST(Progress, RefusesWhatIsNoExpression) {
  for (const rightsize::RateWords& words : {rightsize::RateWords{"(", ""},
                                            rightsize::RateWords{"no group", ""},
                                            rightsize::RateWords{"(a)(b)", ""},
                                            rightsize::RateWords{"", "(a)(b)"},
                                            rightsize::RateWords{std::string(2000, 'a'), ""}}) {
    const auto progress = Progress::reader(words);
    ASSERT_FALSE(progress) << words.rate_regex;
    EXPECT_EQ(progress.error().code, ErrorCode::kUsage);
  }
}

TEST(Progress, LongLinesAndNoiseAreBounded) {
  Progress progress = reader({});
  const std::string page(1U << 20U, 'x');
  progress.feed(page, 1);
  progress.feed(page + "\nmigctl-progress 5\nmigctl-progress nan\nmigctl-progress -3\n", 2);
  progress.feed("migctl-progress 8\n", 3);
  const auto rate = progress.rate(0, 4);
  ASSERT_TRUE(rate);
  EXPECT_NEAR(rate->per_second, 3, 1e-9);
}

TEST(Progress, WhatTheUserNamedAloneCounts) {
  Progress progress = reader({"x([0-9]+)", ""});
  const std::string page(1U << 20U, 'x');
  progress.feed(page + "\nmigctl-progress 5\n", 1);
  progress.feed("migctl-progress 8\n", 3);
  EXPECT_FALSE(progress.rate(0, 4)) << "its unit is not that of other lines";
  progress.feed("x7\n", 4);
  EXPECT_EQ(progress.rate(0, 4)->per_second, 7);
}

}  // namespace
}  // namespace mig::launch
