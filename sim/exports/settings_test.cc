// SPDX-License-Identifier: Apache-2.0
// A setting reads back, is refused where a driver refuses it, and is gone after a reset.
#include <array>
#include <vector>

#include "abi/simulated.h"
#include "sim/exports/test_library.h"
#include "sim/machine/telemetry.h"

namespace migsim::testing {
namespace {

class SettingsTest : public LibraryTest {
 protected:
  void SetUp() override {
    start({"h200-141gb", "a30-24gb", "a100-sxm4-40gb"}, false);
    open();
    h200 = gpu(0);
    a30 = gpu(1);
    a100 = gpu(2);
  }

  template <class Call, class... Arguments>
  unsigned reading(Call call, nvmlDevice_t device, Arguments... arguments) {
    unsigned value = 0;
    EXPECT_EQ(call(device, arguments..., &value), NVML_SUCCESS);
    return value;
  }

  unsigned field(nvmlDevice_t device, unsigned id) {
    nvmlFieldValue_t value{};
    value.fieldId = id;
    EXPECT_EQ(NV(nvmlDeviceGetFieldValues)(device, 1, &value), NVML_SUCCESS);
    EXPECT_EQ(value.nvmlReturn, NVML_SUCCESS) << id;
    return value.value.uiVal;
  }

  unsigned clock(nvmlClockType_t type) { return reading(NV(nvmlDeviceGetClockInfo), h200, type); }

  void reset(unsigned index) {
    static const unsigned char kId[16] = MIGSIM_CONTROL_GUID;
    const void* table = nullptr;
    ASSERT_EQ(NV(nvmlInternalGetExportTable)(&table, kId), NVML_SUCCESS);
    ASSERT_EQ(static_cast<const migsim_control*>(table)->reset_gpu(index), NVML_SUCCESS);
  }

  nvmlDevice_t h200 = nullptr, a30 = nullptr, a100 = nullptr;
};

TEST_F(SettingsTest, ThePowerLimitIsKeptInEveryReadingAndNoOtherGpus) {
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, 500000), NVML_SUCCESS);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerManagementLimit), h200), 500000U);
  EXPECT_EQ(reading(NV(nvmlDeviceGetEnforcedPowerLimit), h200), 500000U);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerManagementDefaultLimit), h200), 700000U);
  EXPECT_EQ(field(h200, NVML_FI_DEV_POWER_CURRENT_LIMIT), 500000U);
  EXPECT_EQ(field(h200, NVML_FI_DEV_POWER_REQUESTED_LIMIT), 500000U);
  EXPECT_EQ(field(h200, NVML_FI_DEV_POWER_DEFAULT_LIMIT), 700000U);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerManagementLimit), a100), 400000U);
  reset(0);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerManagementLimit), h200), 700000U);
}

TEST_F(SettingsTest, APowerLimitOutsideOfTheBoardsRangeChangesNothing) {
  for (const unsigned mw : {0U, 199999U, 700001U}) {
    EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, mw), NVML_ERROR_INVALID_ARGUMENT) << mw;
  }
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, 200000), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, 700000), NVML_SUCCESS);
  nvmlPowerValue_v2_t value{nvmlPowerValue_v2, NVML_POWER_SCOPE_MODULE, 300000};
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit_v2)(h200, &value), NVML_ERROR_NOT_SUPPORTED);
  value.powerScope = NVML_POWER_SCOPE_GPU;
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit_v2)(h200, &value), NVML_SUCCESS);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerManagementLimit), h200), 300000U);
  value.version = 0;
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit_v2)(h200, &value),
            NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
}

TEST_F(SettingsTest, ALockHoldsTheClockWithinItsRange) {
  EXPECT_EQ(clock(NVML_CLOCK_SM), 465U);
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(h200, 1500, 1600), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 1500U);
  EXPECT_EQ(clock(NVML_CLOCK_GRAPHICS), 1500U);
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(h200, 0, 400), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 400U);
  EXPECT_EQ(NV(nvmlDeviceSetMemoryLockedClocks)(h200, 2201, 2201), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_MEM), 2201U);
  EXPECT_EQ(NV(nvmlDeviceResetGpuLockedClocks)(h200), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 465U);
  EXPECT_EQ(clock(NVML_CLOCK_MEM), 2201U) << "each lock has its own reset";
  EXPECT_EQ(NV(nvmlDeviceResetMemoryLockedClocks)(h200), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_MEM), 3201U);
}

TEST_F(SettingsTest, LocksThatCannotBeAreRefused) {
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(h200, 1600, 1500), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(h200, 1981, 3000), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(h200, 0, 0), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceSetGpuLockedClocks)(a30, 300, 300), NVML_ERROR_NOT_SUPPORTED)
      << "its board file knows no clocks to choose from";
  EXPECT_EQ(NV(nvmlDeviceResetGpuLockedClocks)(a30), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 465U);
}

TEST_F(SettingsTest, ApplicationClocksAreAPairOfTheList) {
  EXPECT_EQ(NV(nvmlDeviceSetApplicationsClocks)(h200, 3201, 1500), NVML_SUCCESS);
  EXPECT_EQ(reading(NV(nvmlDeviceGetApplicationsClock), h200, NVML_CLOCK_GRAPHICS), 1500U);
  EXPECT_EQ(reading(NV(nvmlDeviceGetDefaultApplicationsClock), h200, NVML_CLOCK_GRAPHICS), 1980U);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 465U) << "they hold while something runs";
  EXPECT_EQ(NV(nvmlDeviceSetApplicationsClocks)(h200, 3201, 1501), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceSetApplicationsClocks)(h200, 3200, 1500), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceResetApplicationsClocks)(h200), NVML_SUCCESS);
  EXPECT_EQ(reading(NV(nvmlDeviceGetApplicationsClock), h200, NVML_CLOCK_GRAPHICS), 1980U);
}

TEST_F(SettingsTest, UnderLoadTheLimitCapsAndTheReasonsSayWhy) {
  const auto reasons = [&] {
    unsigned long long mask = 0;
    EXPECT_EQ(NV(nvmlDeviceGetCurrentClocksEventReasons)(h200, &mask), NVML_SUCCESS);
    return mask;
  };
  attach_self({0, kNone, kNone}, 0, 1.0);
  {
    Machine::Change change(*machine);
    settle(machine->hardware(), *change, 0, now_ns());
    change.commit();
  }
  EXPECT_EQ(reasons(), nvmlClocksEventReasonNone);
  const unsigned before = reading(NV(nvmlDeviceGetPowerUsage), h200);
  ASSERT_GT(before, 300000U);
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, 300000), NVML_SUCCESS);
  EXPECT_EQ(reading(NV(nvmlDeviceGetPowerUsage), h200), 300000U);
  EXPECT_EQ(reasons(), nvmlClocksEventReasonSwPowerCap);
  EXPECT_EQ(NV(nvmlDeviceSetApplicationsClocks)(h200, 2201, 1500), NVML_SUCCESS);
  EXPECT_EQ(clock(NVML_CLOCK_SM), 1500U);
  EXPECT_EQ(clock(NVML_CLOCK_MEM), 2201U);
  EXPECT_EQ(reasons(),
            nvmlClocksEventReasonSwPowerCap | nvmlClocksEventReasonApplicationsClocksSetting);
}

// See hardware/h200_x2: 110 graphics clocks for each of two memory clocks.
TEST_F(SettingsTest, TheListsOfClocksAreTheH200s) {
  unsigned count = 1;
  unsigned one = 0;
  EXPECT_EQ(NV(nvmlDeviceGetSupportedMemoryClocks)(h200, &count, &one),
            NVML_ERROR_INSUFFICIENT_SIZE);
  EXPECT_EQ(count, 2U);
  std::vector<unsigned> memory(2);
  EXPECT_EQ(NV(nvmlDeviceGetSupportedMemoryClocks)(h200, &count, memory.data()), NVML_SUCCESS);
  EXPECT_EQ(memory, (std::vector<unsigned>{3201, 2201}));
  for (const unsigned mhz : memory) {
    count = 200;
    std::vector<unsigned> graphics(count);
    EXPECT_EQ(NV(nvmlDeviceGetSupportedGraphicsClocks)(h200, mhz, &count, graphics.data()),
              NVML_SUCCESS);
    ASSERT_EQ(count, 110U);
    EXPECT_EQ(graphics[0], 1980U);
    EXPECT_EQ(graphics[1], 1965U);
    EXPECT_EQ(graphics[109], 345U);
  }
  EXPECT_EQ(NV(nvmlDeviceGetSupportedGraphicsClocks)(h200, 3000, &count, nullptr),
            NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(NV(nvmlDeviceGetSupportedGraphicsClocks)(a30, 1215, &count, nullptr),
            NVML_ERROR_NOT_SUPPORTED);
}

TEST_F(SettingsTest, PerformanceStatesAreOneForEachMemoryClock) {
  std::vector<nvmlPstates_t> states(4);
  const auto bytes = static_cast<unsigned>(states.size() * sizeof states[0]);
  EXPECT_EQ(NV(nvmlDeviceGetSupportedPerformanceStates)(h200, states.data(), bytes), NVML_SUCCESS);
  EXPECT_EQ(states,
            (std::vector<nvmlPstates_t>{
                NVML_PSTATE_0, NVML_PSTATE_2, NVML_PSTATE_UNKNOWN, NVML_PSTATE_UNKNOWN}));
  unsigned low = 0;
  unsigned high = 0;
  EXPECT_EQ(
      NV(nvmlDeviceGetMinMaxClockOfPState)(h200, NVML_CLOCK_GRAPHICS, NVML_PSTATE_0, &low, &high),
      NVML_SUCCESS);
  EXPECT_EQ(low, 345U);
  EXPECT_EQ(high, 1980U);
  EXPECT_EQ(
      NV(nvmlDeviceGetMinMaxClockOfPState)(h200, NVML_CLOCK_GRAPHICS, NVML_PSTATE_8, &low, &high),
      NVML_ERROR_UNKNOWN);
}

TEST_F(SettingsTest, EccWaitsForAReset) {
  nvmlEnableState_t current = NVML_FEATURE_DISABLED;
  nvmlEnableState_t pending = NVML_FEATURE_ENABLED;
  EXPECT_EQ(NV(nvmlDeviceSetEccMode)(h200, NVML_FEATURE_DISABLED), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceGetEccMode)(h200, &current, &pending), NVML_SUCCESS);
  EXPECT_EQ(current, NVML_FEATURE_ENABLED);
  EXPECT_EQ(pending, NVML_FEATURE_DISABLED);
  EXPECT_EQ(field(h200, NVML_FI_DEV_ECC_PENDING), 0U);
  reset(0);
  EXPECT_EQ(NV(nvmlDeviceGetEccMode)(h200, &current, &pending), NVML_SUCCESS);
  EXPECT_EQ(current, NVML_FEATURE_DISABLED);
}

TEST_F(SettingsTest, WithMigOnComputeModeAndEccCountersStay) {
  nvmlReturn_t activation = NVML_SUCCESS;
  ASSERT_EQ(NV(nvmlDeviceSetMigMode)(h200, NVML_DEVICE_MIG_ENABLE, &activation), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceSetComputeMode)(h200, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS),
            NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceClearEccErrorCounts)(h200, NVML_VOLATILE_ECC), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceSetPowerManagementLimit)(h200, 600000), NVML_SUCCESS)
      << "power is the whole GPU's";
}

// Two H200 form a fabric; an A100 in the same machine has none. See hardware/h200_x2/q.txt.
class FabricTest : public LibraryTest {};

TEST_F(FabricTest, JoinsTheH200s) {
  start({"h200-141gb", "h200-141gb", "a100-sxm4-40gb"}, false);
  open();
  nvmlGpuFabricInfo_t info{};
  EXPECT_EQ(NV(nvmlDeviceGetGpuFabricInfo)(gpu(0), &info), NVML_SUCCESS);
  EXPECT_EQ(info.state, NVML_GPU_FABRIC_STATE_COMPLETED);
  EXPECT_EQ(NV(nvmlDeviceGetGpuFabricInfo)(gpu(2), &info), NVML_SUCCESS);
  EXPECT_EQ(info.state, NVML_GPU_FABRIC_STATE_NOT_SUPPORTED);
  nvmlGpuFabricInfo_v3_t more{};
  EXPECT_EQ(NV(nvmlDeviceGetGpuFabricInfoV)(gpu(0), &more), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
  more.version = nvmlGpuFabricInfo_v3;
  EXPECT_EQ(NV(nvmlDeviceGetGpuFabricInfoV)(gpu(0), &more), NVML_SUCCESS);
  EXPECT_EQ(more.state, NVML_GPU_FABRIC_STATE_COMPLETED);
  more.healthSummary = 7;  // canary: lies beyond the end of a version 2 struct
  more.version = nvmlGpuFabricInfo_v2;
  EXPECT_EQ(NV(nvmlDeviceGetGpuFabricInfoV)(gpu(0), &more), NVML_SUCCESS);
  EXPECT_EQ(more.healthSummary, 7);
}

class AttributesTest : public LibraryTest {};

// Answers recorded on an H200, 580.159.04.
TEST_F(AttributesTest, AreTheH200s) {
  start({"h200-141gb", "a30-24gb"}, false);
  open();
  const nvmlDevice_t h200 = gpu(0);
  unsigned value = 7;
  EXPECT_EQ(NV(nvmlDeviceGetNumFans)(h200, &value), NVML_SUCCESS);
  EXPECT_EQ(value, 0U);
  EXPECT_EQ(NV(nvmlDeviceGetFanSpeed_v2)(h200, 0, &value), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceGetAdaptiveClockInfoStatus)(h200, &value), NVML_SUCCESS);
  EXPECT_EQ(value, 1U);
  std::array<char, NVML_DEVICE_INFOROM_VERSION_BUFFER_SIZE> text{};
  EXPECT_EQ(NV(nvmlDeviceGetInforomImageVersion)(h200, text.data(), text.size()), NVML_SUCCESS);
  EXPECT_STREQ(text.data(), "G520.0282.02.02");
  EXPECT_EQ(NV(nvmlDeviceGetInforomVersion)(h200, NVML_INFOROM_ECC, text.data(), text.size()),
            NVML_SUCCESS);
  EXPECT_STREQ(text.data(), "7.16");
  EXPECT_EQ(NV(nvmlDeviceGetInforomVersion)(h200, NVML_INFOROM_POWER, text.data(), text.size()),
            NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceGetInforomImageVersion)(gpu(1), text.data(), text.size()),
            NVML_ERROR_NOT_SUPPORTED)
      << "nobody has published an A30's";
  nvmlRowRemapperHistogramValues_t banks{};
  EXPECT_EQ(NV(nvmlDeviceGetRowRemapperHistogram)(h200, &banks), NVML_SUCCESS);
  EXPECT_EQ(banks.max, 3072U);
  EXPECT_EQ(banks.high + banks.partial + banks.low + banks.none, 0U);
  nvmlSystemDriverBranchInfo_v1_t branch{nvmlSystemDriverBranchInfo_v1, {}};
  EXPECT_EQ(NV(nvmlSystemGetDriverBranch)(&branch, sizeof branch.branch), NVML_SUCCESS);
  EXPECT_STREQ(branch.branch, "r582_49");
}

TEST_F(AttributesTest, ViolationsHaveEightPolicies) {
  start({"h200-141gb"}, true);
  open();
  for (int policy = 0; policy < NVML_PERF_POLICY_COUNT; ++policy) {
    nvmlViolationTime_t time{1, 1};
    const bool meaningless = policy >= 6 && policy <= 9;
    EXPECT_EQ(
        NV(nvmlDeviceGetViolationStatus)(gpu(0), static_cast<nvmlPerfPolicyType_t>(policy), &time),
        meaningless ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS)
        << policy;
    EXPECT_EQ(time.violationTime, meaningless ? 1U : 0U);
    EXPECT_EQ(time.referenceTime > 1000000000000000U, !meaningless) << "microseconds since 1970";
  }
}

// H200 with MIG on, 590.48.01: remapped rows are N/A, spare banks are reported.
TEST_F(AttributesTest, WithInstancesTheRowsAreNotTold) {
  start({"h200-141gb"}, true);
  open();
  create_gi(19);
  nvmlRemappedRowsInfo_v2_t rows{};
  EXPECT_EQ(NV(nvmlDeviceGetRemappedRows_v2)(gpu(0), &rows), NVML_ERROR_NOT_SUPPORTED);
  nvmlRowRemapperHistogramValues_t banks{};
  EXPECT_EQ(NV(nvmlDeviceGetRowRemapperHistogram)(gpu(0), &banks), NVML_SUCCESS);
}

}  // namespace
}  // namespace migsim::testing
