// SPDX-License-Identifier: Apache-2.0
// Tests of processes, the size protocol of their lists, GPM, events, faults, and the simulator's
// control table.
#include <chrono>
#include <thread>

#include "abi/simulated.h"
#include "sim/exports/test_library.h"

namespace migsim::testing {
namespace {

constexpr std::uint64_t kGib = UINT64_C(1) << 30;

class Activity : public LibraryTest {
 protected:
  void on(bool mig_mode) {
    start({"h200-141gb"}, mig_mode);
    open();
  }

  Instance instance() {
    create_ci(create_gi(9), NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE);
    unsigned gi = 0;
    EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceId)(mig(0), &gi), NVML_SUCCESS);
    return {0, gi, 0};
  }
};

TEST_F(Activity, ProcessListsTellTheRoomTheyNeed) {
  on(true);
  unsigned count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, nullptr), NVML_SUCCESS);
  const Instance at = instance();
  attach_self(at, 2 * kGib, 0.5);
  EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, nullptr),
            NVML_ERROR_INSUFFICIENT_SIZE);
  ASSERT_EQ(count, 1U);
  nvmlProcessInfo_t infos[2] = {};
  count = 2;
  ASSERT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, infos), NVML_SUCCESS);
  ASSERT_EQ(count, 1U);
  EXPECT_EQ(infos[0].pid, static_cast<unsigned>(::getpid()));
  EXPECT_EQ(infos[0].usedGpuMemory, 2 * kGib);
  EXPECT_EQ(infos[0].gpuInstanceId, at.gi);
  EXPECT_EQ(infos[0].computeInstanceId, 0U);
  nvmlProcessInfo_v1_t old[3] = {};
  old[1].pid = 77;
  count = 3;
  EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses)(mig(0), &count, old), NVML_SUCCESS);
  EXPECT_EQ(old[0].usedGpuMemory, 2 * kGib);
  EXPECT_EQ(old[1].pid, 77U) << "wrote beyond the first";
  nvmlProcessDetail_v1_t detail{};
  nvmlProcessDetailList_v1_t list{nvmlProcessDetailList_v1, 0, 1, &detail};
  EXPECT_EQ(NV(nvmlDeviceGetRunningProcessDetailList)(gpu(), &list), NVML_SUCCESS);
  EXPECT_EQ(detail.gpuInstanceId, at.gi);
  list.version = 7;
  EXPECT_EQ(NV(nvmlDeviceGetRunningProcessDetailList)(gpu(), &list),
            NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

TEST_F(Activity, AMigDeviceListsNobodyOfTheOneBesideItInTheGpuInstance) {
  on(true);
  const nvmlGpuInstance_t both = create_gi(9);
  create_ci(both, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  create_ci(both, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  unsigned gi = 0;
  ASSERT_EQ(NV(nvmlDeviceGetGpuInstanceId)(mig(0), &gi), NVML_SUCCESS);
  attach_self({0, gi, 1}, kGib, 0.5);
  const auto listed = [&](nvmlDevice_t device) {
    nvmlProcessInfo_t infos[4] = {};
    unsigned count = 4;
    EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(device, &count, infos), NVML_SUCCESS);
    return count;
  };
  EXPECT_EQ(listed(mig(0)), 0U);
  EXPECT_EQ(listed(mig(1)), 1U);
  EXPECT_EQ(listed(gpu()), 1U);
}

TEST_F(Activity, WithoutMigIdsAreNoneAndUtilisationIsTold) {
  on(false);
  nvmlProcessUtilizationSample_t sample{};
  unsigned count = 1;
  EXPECT_EQ(NV(nvmlDeviceGetProcessUtilization)(gpu(), &sample, &count, 0), NVML_ERROR_NOT_FOUND);
  attach_self({0, kNone, kNone}, kGib, 0.4);
  nvmlProcessInfo_t info{};
  count = 1;
  ASSERT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v2)(gpu(), &count, &info), NVML_SUCCESS);
  EXPECT_EQ(info.gpuInstanceId, 0xFFFFFFFFU);
  count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetProcessUtilization)(gpu(), nullptr, &count, 0),
            NVML_ERROR_INSUFFICIENT_SIZE);
  ASSERT_EQ(NV(nvmlDeviceGetProcessUtilization)(gpu(), &sample, &count, 0), NVML_SUCCESS);
  EXPECT_EQ(sample.smUtil, 40U);
  nvmlProcessesUtilizationInfo_v1_t all{nvmlProcessesUtilizationInfo_v1, 0, 0, nullptr};
  EXPECT_EQ(NV(nvmlDeviceGetProcessesUtilizationInfo)(gpu(), &all), NVML_ERROR_INSUFFICIENT_SIZE);
  EXPECT_EQ(all.processSamplesCount, 1U);
  nvmlUtilization_t rates{};
  EXPECT_EQ(NV(nvmlDeviceGetUtilizationRates)(gpu(), &rates), NVML_SUCCESS);
  EXPECT_EQ(rates.gpu, 40U);
}

TEST_F(Activity, GpmOfOneInstance) {
  on(true);
  const Instance at = instance();
  attach_self(at, kGib, 0.25);
  nvmlGpmSample_t one = nullptr;
  nvmlGpmSample_t two = nullptr;
  ASSERT_EQ(NV(nvmlGpmSampleAlloc)(&one), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlGpmSampleAlloc)(&two), NVML_SUCCESS);
  auto request = std::make_unique<nvmlGpmMetricsGet_t>();
  request->version = NVML_GPM_METRICS_GET_VERSION;
  request->numMetrics = 3;
  request->sample1 = one;
  request->sample2 = two;
  request->metrics[0].metricId = NVML_GPM_METRIC_SM_UTIL;
  request->metrics[1].metricId = NVML_GPM_METRIC_DRAM_BW_UTIL;
  request->metrics[2].metricId = NVML_GPM_METRIC_NVDEC_0_UTIL;
  EXPECT_EQ(NV(nvmlGpmMetricsGet)(request.get()), NVML_ERROR_INVALID_ARGUMENT) << "nothing taken";
  ASSERT_EQ(NV(nvmlGpmMigSampleGet)(gpu(), at.gi, one), NVML_SUCCESS);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  ASSERT_EQ(NV(nvmlGpmSampleGet)(mig(0), two), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlGpmMetricsGet)(request.get()), NVML_SUCCESS);
  EXPECT_NEAR(request->metrics[0].value, 25.0, 0.5);
  EXPECT_STREQ(request->metrics[0].metricInfo.shortName, "smutil");
  EXPECT_EQ(request->metrics[1].value, 0.0);
  EXPECT_EQ(request->metrics[2].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlGpmMigSampleGet)(gpu(), 14, one), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(NV(nvmlGpmSampleFree)(one), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlGpmSampleFree)(one), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlGpmMetricsGet)(request.get()), NVML_ERROR_INVALID_ARGUMENT) << "freed sample";
}

// Instance ids are reused: counters of a destroyed instance must not be compared with those of its
// successor.
TEST_F(Activity, GpmSamplesOfTwoInstancesOfOneIdAreNotCompared) {
  on(true);
  const Instance before = instance();
  nvmlGpmSample_t one = nullptr;
  nvmlGpmSample_t two = nullptr;
  ASSERT_EQ(NV(nvmlGpmSampleAlloc)(&one), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlGpmSampleAlloc)(&two), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlGpmMigSampleGet)(gpu(), before.gi, one), NVML_SUCCESS);
  {
    Machine::Change change(*machine);
    const GpuRef self{machine->hardware(), *change, 0};
    ASSERT_EQ(destroy_ci(self, before.gi, 0), NVML_SUCCESS);
    ASSERT_EQ(destroy_gi(self, before.gi), NVML_SUCCESS);
    change.commit();
  }
  ASSERT_EQ(instance().gi, before.gi);
  ASSERT_EQ(NV(nvmlGpmMigSampleGet)(gpu(), before.gi, two), NVML_SUCCESS);
  auto request = std::make_unique<nvmlGpmMetricsGet_t>();
  request->version = NVML_GPM_METRICS_GET_VERSION;
  request->numMetrics = 1;
  request->metrics[0].metricId = NVML_GPM_METRIC_SM_UTIL;
  request->sample1 = one;
  request->sample2 = two;
  EXPECT_EQ(NV(nvmlGpmMetricsGet)(request.get()), NVML_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(NV(nvmlGpmMigSampleGet)(gpu(), before.gi, one), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlGpmMetricsGet)(request.get()), NVML_SUCCESS) << "both of the second";
  NV(nvmlGpmSampleFree)(one);
  NV(nvmlGpmSampleFree)(two);
}

TEST_F(Activity, XidEventsCarryTheInstance) {
  on(true);
  const Instance at = instance();
  nvmlEventSet_t set = nullptr;
  ASSERT_EQ(NV(nvmlEventSetCreate)(&set), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceRegisterEvents)(mig(0), nvmlEventTypeXidCriticalError, set),
            NVML_ERROR_NOT_SUPPORTED);
  ASSERT_EQ(NV(nvmlDeviceRegisterEvents)(gpu(), nvmlEventTypeXidCriticalError, set), NVML_SUCCESS);
  nvmlEventData_t data{};
  EXPECT_EQ(NV(nvmlEventSetWait_v2)(set, &data, 20), NVML_ERROR_TIMEOUT);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    Machine::Change change(*machine);
    raise_event(*change, nvmlEventTypeXidCriticalError, 31, at);
    raise_event(*change, nvmlEventTypeClock, 1, at);
    change.commit();
  });
  EXPECT_EQ(NV(nvmlEventSetWait_v2)(set, &data, 60'000), NVML_SUCCESS);
  later.join();
  EXPECT_EQ(data.device, gpu());
  EXPECT_EQ(data.eventData, 31U);
  EXPECT_EQ(data.gpuInstanceId, at.gi);
  EXPECT_EQ(data.computeInstanceId, 0U);
  EXPECT_EQ(NV(nvmlEventSetWait_v2)(set, &data, 0), NVML_ERROR_TIMEOUT) << "not registered for";
  EXPECT_EQ(NV(nvmlEventSetFree)(set), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlEventSetWait_v2)(set, &data, 0), NVML_ERROR_INVALID_ARGUMENT);
}

TEST_F(Activity, InjectedFaults) {
  on(true);
  {
    Machine::Change change(*machine);
    Fault& fault = change->faults[0];
    fault.used = 1;
    std::snprintf(fault.function, sizeof(fault.function), "nvmlDeviceGetMinorNumber");
    fault.nth = 2;
    fault.code = NVML_ERROR_TIMEOUT;
    Fault& lost = change->faults[1];
    lost.used = 1;
    std::snprintf(lost.function, sizeof(lost.function), "nvmlDeviceGetVgpuUtilization");
    lost.gpu = 0;
    lost.action = FaultAction::kGpuLost;
    change.commit();
  }
  const nvmlDevice_t device = gpu();
  unsigned minor = 0;
  EXPECT_EQ(NV(nvmlDeviceGetMinorNumber)(device, &minor), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceGetMinorNumber)(device, &minor), NVML_ERROR_TIMEOUT);
  EXPECT_EQ(NV(nvmlDeviceGetMinorNumber)(device, &minor), NVML_SUCCESS);
  // Injected faults reach the stubs too.
  const auto stub = reinterpret_cast<int (*)()>(library().symbol("nvmlDeviceGetVgpuUtilization"));
  EXPECT_EQ(stub(), NVML_ERROR_GPU_IS_LOST);
  EXPECT_EQ(NV(nvmlDeviceGetMinorNumber)(device, &minor), NVML_ERROR_GPU_IS_LOST);
  nvmlDevice_t again = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetHandleByIndex_v2)(0, &again), NVML_ERROR_GPU_IS_LOST);
}

TEST_F(Activity, ControlTable) {
  on(true);
  const unsigned char ours[16] = MIGSIM_CONTROL_GUID;
  unsigned char nvidias[16] = {0xc4, 0xfe, 0x3e, 0x6c};
  const void* table = &table;
  EXPECT_NE(NV(nvmlInternalGetExportTable)(&table, nvidias), NVML_SUCCESS);
  EXPECT_EQ(table, nullptr);
  ASSERT_EQ(NV(nvmlInternalGetExportTable)(&table, ours), NVML_SUCCESS);
  const auto* control = static_cast<const migsim_control*>(table);
  EXPECT_EQ(control->size, sizeof(migsim_control));
  EXPECT_STREQ(control->machine_name, "test");
  EXPECT_EQ(control->machine_dir, dir.path());
  const std::uint64_t before = control->generation();
  const Instance at = instance();
  EXPECT_GT(control->generation(), before);
  attach_self(at, kGib, 0.1);
  EXPECT_EQ(control->reset_gpu(0), NVML_ERROR_IN_USE);
  EXPECT_EQ(control->reset_gpu(9), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(control->reboot(), NVML_SUCCESS);
  unsigned count = 9;
  EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, nullptr),
            NVML_ERROR_INVALID_ARGUMENT);
  count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, nullptr), NVML_SUCCESS);
  EXPECT_EQ(count, 0U);
}

TEST_F(Activity, FieldValuesAnswerOneByOne) {
  on(true);
  nvmlFieldValue_t values[6] = {};
  values[0].fieldId = NVML_FI_DEV_POWER_INSTANT;
  values[1].fieldId = NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED;
  values[2].fieldId = NVML_FI_DEV_MEMORY_TEMP;
  values[3].fieldId = 60000;
  values[4].fieldId = NVML_FI_DEV_POWER_INSTANT;
  values[4].scopeId = NVML_POWER_SCOPE_MODULE;
  values[5].fieldId = NVML_FI_DEV_PERF_POLICY_POWER;
  ASSERT_EQ(NV(nvmlDeviceGetFieldValues)(gpu(), 6, values), NVML_SUCCESS);
  EXPECT_EQ(values[0].value.uiVal, 124629U);
  EXPECT_EQ(values[1].value.uiVal, 1U);
  EXPECT_EQ(values[2].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(values[3].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(values[4].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(values[5].nvmlReturn, NVML_SUCCESS);
}

}  // namespace
}  // namespace migsim::testing
