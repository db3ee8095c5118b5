// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/fault_spec.h"

#include <gtest/gtest.h>

#include "abi/nvml.h"
#include "sim/tools/functions.h"

namespace migsim {
namespace {

FaultSpec fail_second_create() {
  FaultSpec spec;
  spec.call = "nvmlDeviceCreateGpuInstance";
  spec.nth = 2;
  spec.fail = "NVML_ERROR_INSUFFICIENT_RESOURCES";
  return spec;
}

TEST(MakeFault, FailOfACall) {
  Fault fault;
  ASSERT_TRUE(make_fault(fail_second_create(), 2, fault).ok());
  EXPECT_STREQ(fault.function, "nvmlDeviceCreateGpuInstance");
  EXPECT_EQ(fault.action, FaultAction::kFail);
  EXPECT_EQ(fault.code, NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(fault.nth, 2U);
  EXPECT_EQ(fault.gpu, kNone);
}

TEST(MakeFault, ExactlyOneAction) {
  Fault fault;
  FaultSpec spec = fail_second_create();
  spec.hang = "500ms";
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kInvalidInput);
  spec.hang.clear();
  spec.fail.clear();
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kInvalidInput);
}

TEST(MakeFault, ChecksWhatItNames) {
  Fault fault;
  FaultSpec spec = fail_second_create();
  spec.gpu = 2;
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kNotFound);
  spec = fail_second_create();
  spec.call = "nvmlDeviceCreateGpuInstanc";
  const Problem unknown = make_fault(spec, 2, fault);
  EXPECT_EQ(unknown.code, Exit::kNotFound);
  EXPECT_NE(unknown.hint.find("nvmlDeviceCreateGpuInstance"), std::string::npos);
  spec = fail_second_create();
  spec.fail = "NVML_ERROR_NO_SUCH";
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kInvalidInput);
  spec = fail_second_create();
  spec.nth = 0;
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kInvalidInput);
  spec = fail_second_create();
  spec.gi = 1;
  EXPECT_EQ(make_fault(spec, 2, fault).code, Exit::kInvalidInput) << "only an Xid has a place";
}

TEST(MakeFault, WithoutACallOnlyLostAndXid) {
  Fault fault;
  FaultSpec spec;
  spec.lost = true;
  EXPECT_FALSE(make_fault(spec, 2, fault).ok()) << "which GPU?";
  spec.gpu = 1;
  EXPECT_TRUE(make_fault(spec, 2, fault).ok());
  spec = {};
  spec.kill = "before";
  EXPECT_FALSE(make_fault(spec, 2, fault).ok());
}

TEST(Duration, UnitsAndLimits) {
  std::uint64_t ns = 0;
  EXPECT_TRUE(parse_duration("500ms", ns));
  EXPECT_EQ(ns, 500000000U);
  EXPECT_TRUE(parse_duration("50us", ns));
  EXPECT_TRUE(parse_duration("3600s", ns));
  for (const char* text :
       {"", "5", "5m", "-5ms", "1.5s", "3601s", "99999999999999999999s", " 5s"}) {
    EXPECT_FALSE(parse_duration(text, ns)) << text;
  }
}

TEST(NvmlNames, RoundTrip) {
  EXPECT_EQ(nvml_code("IN_USE"), NVML_ERROR_IN_USE);
  EXPECT_EQ(nvml_name(NVML_ERROR_UNKNOWN), "NVML_ERROR_UNKNOWN");
  EXPECT_EQ(nvml_code("SUCCESS"), std::nullopt) << "a fault that does nothing is none";
}

TEST(Functions, AreTheDriversSymbols) {
  EXPECT_GT(exported_functions().size(), 380U);
  EXPECT_TRUE(check_function("*").ok());
  EXPECT_TRUE(check_function("nvmlInit_v2").ok());
}

}  // namespace
}  // namespace migsim
