// SPDX-License-Identifier: Apache-2.0
// The library's exported symbols, and properties of every call: none crashes, none succeeds before
// init.
#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "sim/exports/test_library.h"

namespace migsim::testing {
namespace {

using Names = std::set<std::string>;
using AnyCall = int (*)(
    std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t);

Names names_in(const std::string& path) {
  const std::vector<std::string> lines = lines_of(path);
  return {lines.begin(), lines.end()};
}

Names exported() {
  Names names;
  const std::string command = "nm -D --defined-only " MIG_SIM_NVML_LIBRARY;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string text(line.data());
    text = text.substr(text.rfind(' ') + 1);
    names.insert(text.substr(0, text.find_first_of("@\n")));
  }
  ::pclose(pipe);
  return names;
}

AnyCall any(const std::string& name) {
  return reinterpret_cast<AnyCall>(library().symbol(name.c_str()));
}

// Functions that return no code of the machine's state, or would end the test program.
bool works_without_init(const std::string& name) {
  static const Names names = {"nvmlInit",
                              "nvmlInit_v2",
                              "nvmlInitWithFlags",
                              "nvmlErrorString",
                              "nvmlInternalGetExportTable",
                              "nvmlSystemGetNVMLVersion",
                              "nvmlSystemGetCudaDriverVersion"};
  return names.count(name) != 0;
}

TEST(Symbols, AreExactlyTheDrivers) {
  const Names ours = exported();
  EXPECT_EQ(ours.size(), 404U);
  EXPECT_EQ(ours, names_in(MIG_SIM_SYMBOLS));
}

TEST(Symbols, AllAreUninitializedBeforeInit) {
  for (const std::string& name : names_in(MIG_SIM_SYMBOLS)) {
    if (!works_without_init(name)) {
      EXPECT_EQ(any(name)(0, 0, 0, 0, 0, 0), NVML_ERROR_UNINITIALIZED) << name;
    }
  }
}

class EveryCall : public LibraryTest {};

// H200, 580.159.04: refusals recorded on hardware.
TEST_F(EveryCall, WhatTheHardwareRefusesIsRefused) {
  start({"h200-141gb"}, true);
  open();
  const Names refused = names_in(MIG_SIM_REFUSED);
  EXPECT_EQ(refused.size(), 22U);
  for (const std::string& name : refused) {
    EXPECT_EQ(any(name)(reinterpret_cast<std::uintptr_t>(gpu(0)), 0, 0, 0, 0, 0),
              NVML_ERROR_NOT_SUPPORTED)
        << name;
  }
}

TEST_F(EveryCall, UnimplementedIsNotSupported) {
  start({"h200-141gb"}, true);
  open();
  const Names missing = names_in(MIG_SIM_UNIMPLEMENTED);
  ASSERT_FALSE(missing.empty());
  for (const std::string& name : missing) {
    EXPECT_EQ(any(name)(0, 0, 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED) << name;
  }
}

bool starts_with_one_of(const std::string& name, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](const char* beginning) {
    return name.rfind(beginning, 0) == 0;
  });
}

// Functions whose first argument is a handle: the only pointers that a callee can check.
bool takes_device(const std::string& name) {
  return starts_with_one_of(name,
                            {"nvmlDevice", "nvmlGpmSampleGet", "nvmlGpmMig", "nvmlGpmQuery"}) &&
         !starts_with_one_of(name, {"nvmlDeviceGetCount", "nvmlDeviceGetHandleBy"});
}

bool takes_handle(const std::string& name) {
  return takes_device(name) || starts_with_one_of(name,
                                                  {"nvmlGpuInstance",
                                                   "nvmlComputeInstance",
                                                   "nvmlEventSetWait",
                                                   "nvmlEventSetFree",
                                                   "nvmlGpmSampleFree"});
}

// Arguments tried: all null; an invalid handle; a valid GPU or MIG device with nulls after it.
// Every call must return an NVML code.
TEST_F(EveryCall, SurvivesNullAndWildArguments) {
  start({"h200-141gb", "a100-sxm4-40gb"}, true);
  open();
  const nvmlGpuInstance_t gi = create_gi(19);
  create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  const auto some_gpu = reinterpret_cast<std::uintptr_t>(gpu(1));
  const auto some_mig = reinterpret_cast<std::uintptr_t>(mig(0));
  const Names missing = names_in(MIG_SIM_UNIMPLEMENTED);
  std::size_t called = 0;
  for (const std::string& name : names_in(MIG_SIM_SYMBOLS)) {
    if (missing.count(name) != 0 || works_without_init(name) || name == "nvmlShutdown") {
      continue;
    }
    std::vector<std::uintptr_t> firsts = {0};
    if (takes_handle(name)) {
      firsts.push_back(0x10);
    }
    if (takes_device(name)) {
      firsts.insert(firsts.end(), {some_gpu, some_mig});
    }
    for (const std::uintptr_t first : firsts) {
      const int code = any(name)(first, 0, 0, 0, 0, 0);
      EXPECT_TRUE((code >= 0 && code <= 30) || code == NVML_ERROR_UNKNOWN) << name << " " << code;
      if (first == 0x10) {
        EXPECT_EQ(code, NVML_ERROR_INVALID_ARGUMENT) << name << " took a wild handle";
      }
      ++called;
    }
  }
  EXPECT_GT(called, 500U);
}

TEST_F(EveryCall, ReferenceCountOfInit) {
  start({"a30-24gb"}, false);
  open();
  EXPECT_EQ(NV(nvmlInitWithFlags)(NVML_INIT_FLAG_NO_GPUS), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlInitWithFlags)(0x80), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
  unsigned count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetCount_v2)(&count), NVML_SUCCESS);
  EXPECT_EQ(count, 1U);
}

TEST(Init, WithoutAMachineTheDriverIsNotLoaded) {
  ::setenv("MIGSIM_MACHINE", "/nonexistent", 1);
  EXPECT_EQ(NV(nvmlInit_v2)(), NVML_ERROR_DRIVER_NOT_LOADED);
  EXPECT_EQ(NV(nvmlShutdown)(), NVML_ERROR_UNINITIALIZED);
  EXPECT_STREQ(NV(nvmlErrorString)(NVML_ERROR_IN_USE), "In use by another client");
  EXPECT_STREQ(NV(nvmlErrorString)(static_cast<nvmlReturn_t>(777)), "Unknown Error");
  ::unsetenv("MIGSIM_MACHINE");
}

TEST(Init, AForeignStateFileIsAVersionMismatch) {
  const TempDir dir;
  std::ofstream(dir.file("machine.state")) << "not a machine";
  ::setenv("MIGSIM_MACHINE", dir.path().c_str(), 1);
  EXPECT_EQ(NV(nvmlInit_v2)(), NVML_ERROR_LIB_RM_VERSION_MISMATCH);
  ::unsetenv("MIGSIM_MACHINE");
}

}  // namespace
}  // namespace migsim::testing
