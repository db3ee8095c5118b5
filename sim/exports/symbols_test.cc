// SPDX-License-Identifier: Apache-2.0
// The library as the loader sees it, and what no call may do: crash, or answer before init.
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

// Those that do not ask for the machine, or would end the test.
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

TEST_F(EveryCall, UnimplementedIsNotSupported) {
  start({"h200-141gb"}, true);
  open();
  const Names missing = names_in(MIG_SIM_UNIMPLEMENTED);
  ASSERT_FALSE(missing.empty());
  for (const std::string& name : missing) {
    EXPECT_EQ(any(name)(0, 0, 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED) << name;
  }
}

// Nothing, a wild pointer, a valid GPU and a valid MIG device as first argument, nothing else:
// every call comes back with a code of NVML.
TEST_F(EveryCall, SurvivesNullAndWildArguments) {
  start({"h200-141gb", "a100-sxm4-40gb"}, true);
  open();
  const nvmlGpuInstance_t gi = create_gi(19);
  create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  const Names missing = names_in(MIG_SIM_UNIMPLEMENTED);
  const std::array<std::uintptr_t, 4> firsts = {
      0, 0x10, reinterpret_cast<std::uintptr_t>(gpu(1)), reinterpret_cast<std::uintptr_t>(mig(0))};
  std::size_t called = 0;
  for (const std::string& name : names_in(MIG_SIM_SYMBOLS)) {
    // A C string or struct cannot be told from a wild pointer; those calls get no wild pointer.
    const bool by_pointer =
        name.find("HandleBy") != std::string::npos || name.find("nvmlSystem") == 0 ||
        name.find("nvmlGpmMetrics") == 0 || name.find("GetExportTable") != std::string::npos ||
        name.find("Create") != std::string::npos || name.find("Count") != std::string::npos ||
        name.find("SampleAlloc") != std::string::npos;
    if (missing.count(name) != 0 || works_without_init(name) || name == "nvmlShutdown") {
      continue;
    }
    for (const std::uintptr_t first : firsts) {
      if (first != 0 && by_pointer && name.find("nvmlDeviceGetHandle") == 0) {
        continue;
      }
      if (first == 0x10 && by_pointer) {
        continue;
      }
      if (first > 0x10 && name.find("nvmlDevice") != 0 && name.find("nvmlGpm") != 0) {
        continue;
      }
      if (first > 0x10 && (name == "nvmlDeviceGetCount" || name == "nvmlDeviceGetCount_v2" ||
                           name == "nvmlGpmMetricsGet" || name == "nvmlGpmSampleAlloc")) {
        continue;
      }
      const int code = any(name)(first, 0, 0, 0, 0, 0);
      EXPECT_TRUE((code >= 0 && code <= 30) || code == NVML_ERROR_UNKNOWN) << name << " " << code;
      ++called;
    }
  }
  EXPECT_GT(called, 400U);
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
