// SPDX-License-Identifier: Apache-2.0
#include "launch/workload_result.h"

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

TEST(WorkloadResult, IsTheLastLine) {
  const auto result = workload_result(
      "{\"kind\":\"WorkloadStarted\"}\n"
      "{\"kind\":\"WorkloadResult\",\"stepsPerSecond\":201.5,\"stepMsP50\":5,\"stepMsP99\":6.25}"
      "\n");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->steps_per_second, 201.5);
  EXPECT_EQ(result->step_ms_p50, 5.0);
  EXPECT_EQ(result->step_ms_p99, 6.25);
  EXPECT_EQ(result->error, "");
  EXPECT_FALSE(result->sm) << "what is not said is not 0";
}

TEST(WorkloadResult, OfInfoAndOfAFailure) {
  const auto info = workload_result(
      R"({"kind":"WorkloadResult","sm":66,"memoryTotalBytes":1073741824,"memoryFreeBytes":1})");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->sm, 66U);
  EXPECT_EQ(info->memory_total_bytes, 1073741824U);
  EXPECT_EQ(workload_result(R"({"kind":"WorkloadResult","error":"lost"})")->error, "lost");
}

TEST(WorkloadResult, AnythingElseIsNone) {
  for (const char* text :
       {"", "\n", "Killed", "{", "[]", "{}", R"({"kind":"WorkloadStarted"})", "7"}) {
    EXPECT_FALSE(workload_result(text)) << text;
  }
  const auto odd = workload_result(R"({"kind":"WorkloadResult","stepsPerSecond":"fast","sm":-1})");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->steps_per_second);
  EXPECT_FALSE(odd->sm);
}

}  // namespace
}  // namespace mig::launch
