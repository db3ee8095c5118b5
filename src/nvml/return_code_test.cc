// SPDX-License-Identifier: Apache-2.0
#include "nvml/return_code.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace mig::nvml {
namespace {

TEST(ReturnCode, EveryCodeHasItsOwnNameAndText) {
  std::set<std::string_view> names;
  for (int code = NVML_SUCCESS; code <= NVML_ERROR_RESET_TYPE_NOT_SUPPORTED; ++code) {
    const auto value = static_cast<nvmlReturn_t>(code);
    EXPECT_TRUE(names.insert(code_name(value)).second) << code;
    EXPECT_FALSE(code_text(value).empty()) << code;
    EXPECT_NE(code_name(value), "NVML_ERROR_UNKNOWN") << code;
  }
}

TEST(ReturnCode, CodesThatUsersMeetMapToTheirOwnError) {
  EXPECT_EQ(error_code(NVML_ERROR_IN_USE), ErrorCode::kInUse);
  EXPECT_EQ(error_code(NVML_ERROR_INSUFFICIENT_RESOURCES), ErrorCode::kNoCapacity);
  EXPECT_EQ(error_code(NVML_ERROR_NO_PERMISSION), ErrorCode::kPermission);
  EXPECT_EQ(error_code(NVML_ERROR_GPU_IS_LOST), ErrorCode::kDeviceLost);
  EXPECT_EQ(error_code(NVML_ERROR_DRIVER_NOT_LOADED), ErrorCode::kNoDriver);
  EXPECT_EQ(error_code(NVML_ERROR_RESET_REQUIRED), ErrorCode::kResetRequired);
}

TEST(ReturnCode, ErrorSaysWhatWasTriedAndKeepsTheCause) {
  const Error error = error_from(NVML_ERROR_IN_USE, "cannot destroy GPU instance 3 on GPU 0");
  EXPECT_EQ(error.message,
            "cannot destroy GPU instance 3 on GPU 0: In use by another client (NVML_ERROR_IN_USE)");
  EXPECT_EQ(error.nvml, 19);
  EXPECT_FALSE(error.hint.empty());
}

TEST(ReturnCode, ACodeOfANewerDriverKeepsItsNumber) {
  const Error error = error_from(static_cast<nvmlReturn_t>(77), "cannot read GPU 0");
  EXPECT_EQ(error.message, "cannot read GPU 0: Unknown Error (NVML_ERROR_UNKNOWN 77)");
  EXPECT_EQ(error.nvml, 77);
}

}  // namespace
}  // namespace mig::nvml
