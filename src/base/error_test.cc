// SPDX-License-Identifier: Apache-2.0
#include "mig/error.h"

#include <set>

#include <gtest/gtest.h>

#include "mig/result.h"

namespace mig {
namespace {

TEST(ErrorTable, EveryCodeOnceWithItsOwnExitCodeAndName) {
  std::set<int> exits;
  std::set<std::string_view> names;
  for (const ErrorInfo& row : error_table()) {
    EXPECT_TRUE(exits.insert(row.exit_code).second) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(&error_info(row.code), &row) << row.name;
    EXPECT_GT(row.exit_code, 0);
    EXPECT_LT(row.exit_code, 64) << "64 and up belong to shells and programs that are run";
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_FALSE(row.meaning.empty());
  }
  EXPECT_EQ(error_table().size(), static_cast<std::size_t>(ErrorCode::kFindings) + 1);
  EXPECT_EQ(error_info(ErrorCode::kUsage).exit_code, 1);
  EXPECT_EQ(error_info(ErrorCode::kInUse).exit_code, 8) << "documented in docs/architecture.md";
}

TEST(Error, TextPutsTheOuterContextFirstAndLeavesTheHintOut) {
  const Error error = Error{ErrorCode::kInUse, "pid 7 runs there", "stop it", {}, 19}
                          .in("destroy gi=3")
                          .in("apply mixed");
  EXPECT_EQ(error.text(), "apply mixed: destroy gi=3: pid 7 runs there");
  EXPECT_EQ(error.nvml, 19);
  EXPECT_EQ(error.hint, "stop it");
}

Result<int> half(int n) {
  if (n % 2 != 0) {
    return fail(ErrorCode::kInvalidInput, "odd");
  }
  return n / 2;
}

Result<int> quarter(int n) {
  MIG_ASSIGN_OR_RETURN(const int once, half(n));
  MIG_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(Result, MacrosPropagateTheFirstError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

}  // namespace
}  // namespace mig
