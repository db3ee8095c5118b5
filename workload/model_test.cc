// SPDX-License-Identifier: Apache-2.0
#include "workload/model.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "workload/loads.h"
#include "workload/roofline.h"
#include "workload/step_times.h"

namespace workload {
namespace {

// Exercise 6.1 of the course: [1024, 2048, 1024], [2048, 4096, 2048], [4096, 8192, 4096].
TEST(Model, TheCoursesThreeBesideItsTrainingJob) {
  EXPECT_EQ(parameter_count(*model_named("small")), 4197376U);
  EXPECT_EQ(parameter_count(*model_named("medium")), 16783360U);
  EXPECT_EQ(parameter_count(*model_named("large")), 67121152U);
  EXPECT_EQ(parameter_count(*model_named("job")), parameter_count());
  EXPECT_EQ(model_named("huge"), nullptr);
  const StepWork small = step_work(128, Precision::kFp32, *model_named("small"));
  // Forward and the weights' gradients of both layers, the inputs' gradient of the second.
  EXPECT_EQ(small.flops, 2ULL * 128 * (2 * 2 + 1) * 1024 * 2048);
}

TEST(Model, CountsTheLabsParameters) {
  EXPECT_EQ(parameter_count(), 1024U * 4096 + 4096 + 4096U * 4096 + 4096 + 4096U * 1024 + 1024);
  EXPECT_EQ(parameter_count(), 25175040U);
}

// 2 FLOPs per weight and sample: forward, weight gradients, input gradients of layers 2 and 3.
TEST(Model, CountsTheWork) {
  const StepWork work = step_work(128, Precision::kFp32);
  EXPECT_EQ(work.flops, 2U * 128 * (3 * 25165824ULL - 4194304ULL));
  EXPECT_GE(work.bytes_held, 16 * parameter_count()) << "weight, gradient, two moments";
  EXPECT_EQ(step_work(256, Precision::kFp32).flops, 2 * work.flops);
  EXPECT_LT(step_work(128, Precision::kBf16).bytes_moved, work.bytes_moved + 6 * parameter_count());
}

TEST(Model, PrecisionNames) {
  EXPECT_EQ(parse_precision("bf16"), Precision::kBf16);
  EXPECT_EQ(parse_precision("fp8"), std::nullopt);
  EXPECT_STREQ(precision_name(Precision::kTf32), "tf32");
}

Speed h200() {
  return {67000, 494500, 989500, 4800, 0};
}

// Measured on an H200: 386 steps per second with the lab's own script.
TEST(Roofline, WholeH200IsAsMeasured) {
  const auto time = predict(step_work(128, Precision::kFp32), h200());
  ASSERT_TRUE(time);
  EXPECT_NEAR(1e9 / static_cast<double>(time->total.count()), 386, 2);
}

// Measured under MPS: 14, 30 and 58 SMs of 132 ran 161, 318 and 406 steps per second; MPS leaves
// the memory undivided. The model is rough there; the bound keeps it from becoming rougher.
TEST(Roofline, SharesAreWithinThirtyPercentOfMps) {
  const std::pair<double, double> measured[] = {{14, 161}, {30, 318}, {58, 406}};
  for (const auto& [sms, rate] : measured) {
    Speed speed = h200();
    speed.fp32_gflops *= sms / 132;
    const auto time = predict(step_work(128, Precision::kFp32), speed);
    ASSERT_TRUE(time);
    EXPECT_NEAR(1e9 / static_cast<double>(time->total.count()) / rate, 1.0, 0.30) << sms;
  }
}

TEST(Roofline, ActivityIsAShareOfTheStep) {
  const auto time = predict(step_work(128, Precision::kTf32), h200());
  ASSERT_TRUE(time);
  EXPECT_GT(time->dram, time->compute) << "bound by memory at tf32";
  EXPECT_DOUBLE_EQ(time->busy, std::max(time->dram, time->compute));
  EXPECT_LT(time->busy, 1);
}

// A step of 10 ms: 4 ms computing, 6 ms memory traffic, 4 ms of host time.
TEST(Roofline, OthersStretchWhatTheyShare) {
  StepTime step;
  step.total = std::chrono::milliseconds(10);
  step.busy = step.dram = 0.6;
  step.compute = 0.4;
  const auto ms = [&](const Slowdown& others) {
    return static_cast<double>(beside(step, others).count()) / 1e6;
  };
  EXPECT_NEAR(ms({}), 10, 1e-5);
  EXPECT_NEAR(ms({2, 1, 1}), 4 + 12, 1e-5);
  EXPECT_NEAR(ms({1, 1.5, 1}), 4 + 9, 1e-5);
  EXPECT_NEAR(ms({1, 1, 9}), 10, 1e-5) << "a step copies nothing";
  step.compute = 0.6;
  step.dram = 0.4;
  EXPECT_NEAR(ms({1, 1.5, 1}), 10, 1e-5) << "hidden behind computing";
  EXPECT_NEAR(ms({2, 2, 1}), 4 + 2 * 8, 1e-5);
}

TEST(Loads, AHogAsksForWhatItIsNamedAfter) {
  Speed speed = h200();
  speed.pcie_gb_per_s = 63;
  const auto dram = load_of(cuda::Hog::kDram, speed);
  ASSERT_TRUE(dram);
  EXPECT_EQ(dram->per_second, 4800);
  EXPECT_EQ(dram->demand.dram, 1);
  EXPECT_EQ(dram->slower({2, 1.5, 7}), 3);
  const auto pcie = load_of(cuda::Hog::kPcie, speed);
  ASSERT_TRUE(pcie);
  EXPECT_EQ(pcie->demand.pcie_in, 63e9);
  EXPECT_EQ(pcie->demand.sm, 0);
  EXPECT_EQ(pcie->slower({2, 1.5, 7}), 7);
  EXPECT_EQ(load_of(cuda::Hog::kTensor, speed)->slower({2, 1.5, 7}), 2);
  speed.bf16_gflops = 0;
  EXPECT_FALSE(load_of(cuda::Hog::kTensor, speed)) << "not known is not 0";
}

TEST(StepTimes, MiddleAndSlowEnd) {
  EXPECT_EQ(summary({}).max_ms, 0);
  std::vector<double> ms;
  for (int i = 101; i-- > 0;) {
    ms.push_back(i);
  }
  EXPECT_EQ(summary(ms).p50_ms, 50);
  EXPECT_EQ(summary(ms).p99_ms, 99);
  EXPECT_EQ(summary(ms).max_ms, 100);
}

TEST(Roofline, UnknownSpeedIsNoPrediction) {
  Speed speed = h200();
  speed.tf32_gflops = 0;
  EXPECT_FALSE(predict(step_work(1, Precision::kTf32), speed));
  EXPECT_TRUE(predict(step_work(1, Precision::kFp32), speed));
  speed.dram_gb_per_s = 0;
  EXPECT_FALSE(predict(step_work(1, Precision::kFp32), speed));
}

}  // namespace
}  // namespace workload
