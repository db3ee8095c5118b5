// SPDX-License-Identifier: Apache-2.0
// Lists of compute and graphics processes, from a fake driver of a few functions.
#include "device/processes.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace mig::device {
namespace {

nvmlReturn_t give(std::initializer_list<unsigned> pids, unsigned* count, nvmlProcessInfo_t* infos) {
  const unsigned room = *count;
  *count = static_cast<unsigned>(pids.size());
  if (infos == nullptr || room < pids.size()) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  for (const unsigned pid : pids) {
    *infos++ = {pid, 1U << 20U, 0xFFFFFFFFU, 0xFFFFFFFFU};
  }
  return NVML_SUCCESS;
}

nvmlReturn_t computing(nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* infos) {
  return give({30, 10}, count, infos);
}

nvmlReturn_t drawing(nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* infos) {
  return give({20, 10, 40}, count, infos);
}

nvmlReturn_t by_mps(nvmlDevice_t, unsigned* count, nvmlProcessInfo_t* infos) {
  return give({40}, count, infos);
}

TEST(Processes, OnlyWhoIsOnNoOtherListDrawsOnly) {
  nvml::Functions driver;
  driver.nvmlDeviceGetComputeRunningProcesses_v3 =
      nvml::Function<decltype(nvmlDeviceGetComputeRunningProcesses_v3)>(computing);
  driver.nvmlDeviceGetGraphicsRunningProcesses_v3 =
      nvml::Function<decltype(nvmlDeviceGetGraphicsRunningProcesses_v3)>(drawing);
  driver.nvmlDeviceGetMPSComputeRunningProcesses_v3 =
      nvml::Function<decltype(nvmlDeviceGetMPSComputeRunningProcesses_v3)>(by_mps);
  const auto found = read_processes(driver, nullptr, {}, "/nowhere");
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 4U) << "each once, by pid";
  for (const Process& process : *found) {
    EXPECT_EQ(process.graphics, process.pid == 20) << process.pid;
  }
}

}  // namespace
}  // namespace mig::device
