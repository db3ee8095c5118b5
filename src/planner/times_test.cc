// SPDX-License-Identifier: Apache-2.0
#include "planner/times.h"

#include <gtest/gtest.h>

namespace mig::planner {
namespace {

class TimesTest : public testing::Test {
 protected:
  TimesTest() {
    Gpu gpu;
    gpu.uuid = "GPU-a";
    gpu.name = "NVIDIA A100";
    inventory_.gpus = {gpu};
    inventory_.driver_version = "580";
  }

  static Step step(StepKind kind) {
    Step out;
    out.kind = kind;
    out.gpu_uuid = "GPU-a";
    return out;
  }

  std::uint32_t expected(std::vector<StepKind> kinds) {
    Plan plan;
    for (const StepKind kind : kinds) {
      plan.steps.push_back(step(kind));
    }
    set_expected_times(inventory_, history_, plan);
    std::uint32_t sum = 0;
    for (const Step& one : plan.steps) {
      sum += one.estimated_ms;
    }
    EXPECT_EQ(plan.estimated_ms, sum);
    return plan.estimated_ms;
  }

  void took(std::uint32_t ms, const char* board = "NVIDIA A100", const char* driver = "580") {
    history_.push_back({StepKind::kCreateGpuInstance, board, driver, ms});
  }

  Inventory inventory_;
  std::vector<StepTime> history_;
};

TEST_F(TimesTest, WithoutHistoryWhatIsPublishedCounts) {
  EXPECT_EQ(expected({StepKind::kCreateGpuInstance}), 115U);
  inventory_.gpus[0].name = "NVIDIA A30";
  EXPECT_EQ(expected({StepKind::kCreateGpuInstance, StepKind::kDestroyGpuInstance}), 250U);
}

TEST_F(TimesTest, AResetThatFollowsAModeChangeIsPartOfIt) {
  EXPECT_EQ(expected({StepKind::kEnableMig, StepKind::kResetGpu}), 2000U);
  EXPECT_EQ(expected({StepKind::kResetGpu}), 2000U);
}

TEST_F(TimesTest, TheMedianOfThisBoardAndDriverCounts) {
  took(900, "NVIDIA H100");
  took(700, "NVIDIA A100", "550");
  for (const std::uint32_t ms : {30U, 10U, 5000U}) {
    took(ms);
  }
  EXPECT_EQ(expected({StepKind::kCreateGpuInstance}), 30U) << "one slow step is not the rule";
  EXPECT_EQ(expected({StepKind::kDestroyGpuInstance}), 115U) << "of another kind nothing is known";
}

TEST_F(TimesTest, AnotherDriverOfTheBoardIsBetterThanNone) {
  took(900, "NVIDIA H100");
  took(700, "NVIDIA A100", "550");
  EXPECT_EQ(expected({StepKind::kCreateGpuInstance}), 700U);
}

TEST_F(TimesTest, TheNewestCount) {
  for (int i = 0; i < 25; ++i) {
    took(10);
  }
  for (int i = 0; i < 100; ++i) {
    took(900);
  }
  EXPECT_EQ(expected({StepKind::kCreateGpuInstance}), 10U);
}

}  // namespace
}  // namespace mig::planner
