// SPDX-License-Identifier: Apache-2.0
// Process lists of a GPU, from a fake driver of a few functions.
#include <string>

#include <gtest/gtest.h>

#include "device/processes.h"

namespace mig::device {
namespace {

using List = nvml::Function<decltype(nvmlDeviceGetComputeRunningProcesses_v3)>;

// A fake process list with one entry, with NVML's size protocol: count first, then entries.
template <unsigned Pid>
nvmlReturn_t one(nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* infos) {
  const unsigned room = infos == nullptr ? 0 : *count;
  *count = 1;
  if (room == 0) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  infos[0] = {};
  infos[0].pid = Pid;
  infos[0].usedGpuMemory = 3ULL << 20U;
  infos[0].gpuInstanceId = infos[0].computeInstanceId = 0xFFFFFFFFU;
  return NVML_SUCCESS;
}

template <nvmlReturn_t Code>
nvmlReturn_t refuses(nvmlDevice_t, unsigned*, nvmlProcessInfo_t*) {
  return Code;
}

// Pids of the result, "7 8", or the error.
std::string pids(const nvml::Functions& driver) {
  const auto processes = read_processes(driver, nullptr, {}, "/nowhere");
  if (!processes) {
    return processes.error().message;
  }
  std::string out;
  for (const Process& process : *processes) {
    out += (out.empty() ? "" : " ") + std::to_string(process.pid);
  }
  return out;
}

TEST(Processes, ThoseThatComputeThatDrawAndThatGoThroughMpsAreOnListsOfTheirOwn) {
  nvml::Functions driver;
  driver.nvmlDeviceGetComputeRunningProcesses_v3 = List(one<7>);
  EXPECT_EQ(pids(driver), "7");
  driver.nvmlDeviceGetGraphicsRunningProcesses_v3 = List(one<8>);
  driver.nvmlDeviceGetMPSComputeRunningProcesses_v3 = List(one<9>);
  EXPECT_EQ(pids(driver), "7 8 9");
  driver.nvmlDeviceGetGraphicsRunningProcesses_v3 = List(one<7>);
  EXPECT_EQ(pids(driver), "7 9") << "on two lists, and one process";
}

// Safety: a process that is not seen could lose its instance.
TEST(Processes, AListThatCannotBeReadIsNoEmptyList) {
  nvml::Functions driver;
  driver.nvmlDeviceGetComputeRunningProcesses_v3 = List(one<7>);
  driver.nvmlDeviceGetGraphicsRunningProcesses_v3 = List(refuses<NVML_ERROR_NOT_SUPPORTED>);
  EXPECT_EQ(pids(driver), "7") << "this driver has no such list";
  for (const auto& broken : {refuses<NVML_ERROR_UNKNOWN>,
                             refuses<NVML_ERROR_GPU_IS_LOST>,
                             refuses<NVML_ERROR_TIMEOUT>}) {
    driver.nvmlDeviceGetGraphicsRunningProcesses_v3 = List(broken);
    EXPECT_EQ(pids(driver).substr(0, 25), "cannot read the processes");
  }
}

}  // namespace
}  // namespace mig::device
