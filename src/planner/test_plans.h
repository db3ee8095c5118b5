// SPDX-License-Identifier: Apache-2.0
// For tests of plans: concise builders of layouts and refusals.
#ifndef MIGCTL_PLANNER_TEST_PLANS_H_
#define MIGCTL_PLANNER_TEST_PLANS_H_

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "planner/planner.h"

namespace mig::planner::in_words {

inline ProfileName name(const char* text) {
  return ProfileName::parse(text).value();
}

// Desired layout of GPU 0 from profile names; "3g.20gb" = with its full-size compute instance.
inline DesiredLayout want(const std::vector<const char*>& profiles, bool enabled = true) {
  DesiredGpu gpu{{0}, enabled, {}, {}};
  for (const char* profile : profiles) {
    gpu.instances.push_back({name(profile), {name(profile)}, std::nullopt, {}});
  }
  return {"test", {gpu}, {}};
}

inline std::vector<std::string> steps_of(const Result<Plan>& plan) {
  std::vector<std::string> out;
  if (!plan) {
    return {plan.error().text()};
  }
  for (const Step& step : plan->steps) {
    out.push_back(step.str());
  }
  return out;
}

inline Result<Plan> plan_for(const Gpu& gpu,
                             const DesiredLayout& desired,
                             const Policy& policy = {}) {
  return plan(testing::inventory({gpu}), desired, policy);
}

inline void expect_refused(const Gpu& gpu,
                           const DesiredLayout& desired,
                           ErrorCode code,
                           const std::string& message,
                           const std::string& hint) {
  const auto result = plan_for(gpu, desired);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_EQ(result.error().message, message);
  EXPECT_EQ(result.error().hint, hint);
}

}  // namespace mig::planner::in_words

#endif  // MIGCTL_PLANNER_TEST_PLANS_H_
