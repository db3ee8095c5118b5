// SPDX-License-Identifier: Apache-2.0
// An H200 with MIG off answers as the real one (hardware reading of 2026-11-23, 580.159.04).
#include <cstring>

#include "sim/exports/test_library.h"

namespace migsim::testing {
namespace {

class H200 : public LibraryTest {
 protected:
  void SetUp() override {
    start({"h200-141gb"}, false);
    GpuState& self = rig->state->gpus[0];
    std::snprintf(self.uuid, sizeof(self.uuid), "GPU-9c3469f8-18d9-fbb9-2578-4e38e4446db4");
    self.persistence = 1;
    self.module_id = 5;
    rig->state->options.vm_passthrough = 1;
    open();
  }

  template <class Out, class Call>
  void expect_value(Call call, Out expected) {
    Out out{};
    EXPECT_EQ(call(gpu(), &out), NVML_SUCCESS);
    EXPECT_EQ(out, expected);
  }

  template <class Call>
  void expect_text(Call call, const char* expected) {
    char text[96] = {};
    EXPECT_EQ(call(gpu(), text, sizeof(text)), NVML_SUCCESS);
    EXPECT_STREQ(text, expected);
    EXPECT_EQ(call(gpu(), text, 3), NVML_ERROR_INSUFFICIENT_SIZE);
  }
};

TEST_F(H200, Identity) {
  expect_text(NV(nvmlDeviceGetName), "NVIDIA H200");
  expect_text(NV(nvmlDeviceGetUUID), "GPU-9c3469f8-18d9-fbb9-2578-4e38e4446db4");
  expect_text(NV(nvmlDeviceGetBoardPartNumber), "692-2G520-0282-001");
  expect_text(NV(nvmlDeviceGetVbiosVersion), "96.00.A5.00.1A");
  expect_value(NV(nvmlDeviceGetBrand), NVML_BRAND_NVIDIA);
  expect_value(NV(nvmlDeviceGetArchitecture), 9U);
  expect_value(NV(nvmlDeviceGetMinorNumber), 0U);
  expect_value(NV(nvmlDeviceGetModuleId), 5U);
  expect_value(NV(nvmlDeviceGetBoardId), 6U);
  expect_value(NV(nvmlDeviceGetNumGpuCores), 16896U);
  expect_value(NV(nvmlDeviceGetMemoryBusWidth), 6016U);
  expect_value(NV(nvmlDeviceGetPersistenceMode), NVML_FEATURE_ENABLED);
  expect_value(NV(nvmlDeviceGetComputeMode), NVML_COMPUTEMODE_DEFAULT);
  expect_value(NV(nvmlDeviceGetVirtualizationMode), NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH);
  int major = 0;
  int minor = 0;
  EXPECT_EQ(NV(nvmlDeviceGetCudaComputeCapability)(gpu(), &major, &minor), NVML_SUCCESS);
  EXPECT_EQ(major * 10 + minor, 90);
  nvmlPciInfo_t pci{};
  EXPECT_EQ(NV(nvmlDeviceGetPciInfo_v3)(gpu(), &pci), NVML_SUCCESS);
  EXPECT_STREQ(pci.busIdLegacy, "0000:00:06.0");
  EXPECT_STREQ(pci.busId, "00000000:00:06.0");
  EXPECT_EQ(pci.pciDeviceId, 590680286U);
  EXPECT_EQ(pci.pciSubSystemId, 415174878U);
  nvmlEnableState_t mode{};
  EXPECT_EQ(NV(nvmlDeviceGetDisplayMode)(gpu(), &mode), NVML_ERROR_DEPRECATED);
}

TEST_F(H200, ShorterPciStructsAreNotOverrun) {
  nvmlPciInfo_t pci;
  std::memset(&pci, 0x5A, sizeof(pci));
  EXPECT_EQ(NV(nvmlDeviceGetPciInfo_v2)(gpu(), &pci), NVML_SUCCESS);
  EXPECT_EQ(pci.pciSubSystemId, 415174878U);
  EXPECT_EQ(pci.busId[0], 0x5A);
  std::memset(&pci, 0x5A, sizeof(pci));
  EXPECT_EQ(NV(nvmlDeviceGetPciInfo)(gpu(), &pci), NVML_SUCCESS);
  EXPECT_EQ(pci.pciDeviceId, 590680286U);
  EXPECT_EQ(pci.pciSubSystemId, 0x5A5A5A5AU);
}

TEST_F(H200, MemoryAndSensors) {
  nvmlMemory_t memory{};
  EXPECT_EQ(NV(nvmlDeviceGetMemoryInfo)(gpu(), &memory), NVML_SUCCESS);
  EXPECT_EQ(memory.total, 150754820096U);
  EXPECT_EQ(memory.free, 150109880320U);
  EXPECT_EQ(memory.used, 644939776U);
  nvmlMemory_v2_t v2{};
  EXPECT_EQ(NV(nvmlDeviceGetMemoryInfo_v2)(gpu(), &v2), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
  v2.version = nvmlMemory_v2;
  EXPECT_EQ(NV(nvmlDeviceGetMemoryInfo_v2)(gpu(), &v2), NVML_SUCCESS);
  EXPECT_EQ(v2.reserved, 644939776U);
  EXPECT_EQ(v2.free, 150109880320U);
  EXPECT_EQ(v2.used, 0U);
  expect_value(NV(nvmlDeviceGetPowerUsage), 124629U);
  expect_value(NV(nvmlDeviceGetEnforcedPowerLimit), 700000U);
  unsigned value = 0;
  EXPECT_EQ(NV(nvmlDeviceGetTemperature)(gpu(), NVML_TEMPERATURE_GPU, &value), NVML_SUCCESS);
  EXPECT_EQ(value, 38U);
  EXPECT_EQ(NV(nvmlDeviceGetClockInfo)(gpu(), NVML_CLOCK_SM, &value), NVML_SUCCESS);
  EXPECT_EQ(value, 465U);
  nvmlMarginTemperature_v1_t margin{nvmlMarginTemperature_v1, 0};
  EXPECT_EQ(NV(nvmlDeviceGetMarginTemperature)(gpu(), &margin), NVML_SUCCESS);
  EXPECT_EQ(margin.marginTemperature, 49);
  nvmlUtilization_t rates{9, 9};
  EXPECT_EQ(NV(nvmlDeviceGetUtilizationRates)(gpu(), &rates), NVML_SUCCESS);
  EXPECT_EQ(rates.gpu + rates.memory, 0U);
  EXPECT_EQ(NV(nvmlDeviceGetFanSpeed)(gpu(), &value), NVML_ERROR_NOT_SUPPORTED);
}

TEST_F(H200, MigOff) {
  unsigned current = 9;
  unsigned pending = 9;
  EXPECT_EQ(NV(nvmlDeviceGetMigMode)(gpu(), &current, &pending), NVML_SUCCESS);
  EXPECT_EQ(current + pending, 0U);
  expect_value(NV(nvmlDeviceGetMaxMigDeviceCount), 0U);
  expect_value(NV(nvmlDeviceIsMigDeviceHandle), 0U);
  unsigned id = 0;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceId)(gpu(), &id), NVML_ERROR_INVALID_ARGUMENT);
  nvmlDevice_t device = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetMigDeviceHandleByIndex)(gpu(), 0, &device), NVML_ERROR_NOT_FOUND);
  nvmlDeviceAttributes_t attributes{};
  EXPECT_EQ(NV(nvmlDeviceGetAttributes_v2)(gpu(), &attributes), NVML_ERROR_NOT_SUPPORTED);
  nvmlGpuInstance_t instance = nullptr;
  EXPECT_EQ(NV(nvmlDeviceCreateGpuInstance)(gpu(), 19, &instance), NVML_ERROR_NOT_SUPPORTED);
}

TEST_F(H200, Profiles) {
  struct Row {
    unsigned index, id, slices, count, sm, ce, dec, jpeg, ofa;
    unsigned long long memory;
    const char* name;
  };

  const Row rows[] = {{0, 19, 1, 7, 16, 1, 1, 1, 0, 16384, "MIG 1g.18gb"},
                      {1, 14, 2, 3, 32, 2, 2, 2, 0, 33280, "MIG 2g.35gb"},
                      {2, 9, 3, 2, 60, 3, 3, 3, 0, 71424, "MIG 3g.71gb"},
                      {3, 5, 4, 1, 64, 4, 4, 4, 0, 71424, "MIG 4g.71gb"},
                      {4, 0, 7, 1, 132, 8, 7, 7, 1, 143360, "MIG 7g.141gb"},
                      {7, 20, 1, 1, 16, 1, 1, 1, 1, 16384, "MIG 1g.18gb+me"},
                      {9, 15, 1, 4, 26, 1, 1, 1, 0, 33280, "MIG 1g.35gb"}};
  for (const Row& row : rows) {
    nvmlGpuInstanceProfileInfo_v2_t info{};
    info.version = nvmlGpuInstanceProfileInfo_v2;
    ASSERT_EQ(NV(nvmlDeviceGetGpuInstanceProfileInfoV)(gpu(), row.index, &info), NVML_SUCCESS);
    EXPECT_STREQ(info.name, row.name);
    EXPECT_EQ(info.version, 0U);
    EXPECT_EQ(info.id, row.id);
    EXPECT_EQ(info.isP2pSupported, 0U);
    EXPECT_EQ(info.sliceCount, row.slices);
    EXPECT_EQ(info.instanceCount, row.count);
    EXPECT_EQ(info.multiprocessorCount, row.sm);
    EXPECT_EQ(info.copyEngineCount, row.ce);
    EXPECT_EQ(info.decoderCount, row.dec);
    EXPECT_EQ(info.encoderCount, 0U);
    EXPECT_EQ(info.jpegCount, row.jpeg);
    EXPECT_EQ(info.ofaCount, row.ofa);
    EXPECT_EQ(info.memorySizeMB, row.memory);
    unsigned count = 99;
    EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(), row.id, &count), NVML_SUCCESS);
    EXPECT_EQ(count, row.count);
  }
  nvmlGpuInstanceProfileInfo_t v1{};
  for (const unsigned unsupported : {5U, 6U, 8U, 10U, 16U}) {
    EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceProfileInfo)(gpu(), unsupported, &v1),
              NVML_ERROR_NOT_SUPPORTED);
  }
  for (const unsigned unknown : {17U, 23U, 4711U}) {
    EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceProfileInfo)(gpu(), unknown, &v1),
              NVML_ERROR_INVALID_ARGUMENT);
  }
  unsigned count = 99;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(), 21, &count),
            NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(), 46, &count),
            NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(), 47, &count), NVML_SUCCESS);
  EXPECT_EQ(count, 0U);
}

TEST_F(H200, Placements) {
  unsigned count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstancePossiblePlacements_v2)(gpu(), 9, nullptr, &count),
            NVML_SUCCESS);
  ASSERT_EQ(count, 2U);
  nvmlGpuInstancePlacement_t placements[2] = {};
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstancePossiblePlacements_v2)(gpu(), 9, placements, &count),
            NVML_SUCCESS);
  EXPECT_EQ(placements[0].start, 0U);
  EXPECT_EQ(placements[1].start, 4U);
  EXPECT_EQ(placements[1].size, 4U);
}

TEST_F(H200, FindsByEveryName) {
  for (const char* bus : {"0000:00:06.0", "00000000:00:06.0", "00:06.0", "0:6", "0000:00:06"}) {
    nvmlDevice_t device = nullptr;
    EXPECT_EQ(NV(nvmlDeviceGetHandleByPciBusId_v2)(bus, &device), NVML_SUCCESS) << bus;
    EXPECT_EQ(device, gpu());
  }
  nvmlDevice_t device = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetHandleByPciBusId_v2)("0000:00:07.0", &device), NVML_ERROR_NOT_FOUND);
  for (const char* bad : {"", "zz", "0000:00:06.0x", "-0:6", "6", "0000:00:06.1"}) {
    EXPECT_EQ(NV(nvmlDeviceGetHandleByPciBusId_v2)(bad, &device), NVML_ERROR_INVALID_ARGUMENT)
        << bad;
  }
  EXPECT_EQ(NV(nvmlDeviceGetHandleBySerial)("1654324147280", &device), NVML_SUCCESS);
  nvmlUUID_v1_t uuid{};
  uuid.version = nvmlUUID_v1;
  uuid.type = NVML_UUID_TYPE_BINARY;
  const unsigned char bytes[] = {0x9c,
                                 0x34,
                                 0x69,
                                 0xf8,
                                 0x18,
                                 0xd9,
                                 0xfb,
                                 0xb9,
                                 0x25,
                                 0x78,
                                 0x4e,
                                 0x38,
                                 0xe4,
                                 0x44,
                                 0x6d,
                                 0xb4};
  std::memcpy(uuid.value.bytes, bytes, sizeof(bytes));
  device = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetHandleByUUIDV)(&uuid, &device), NVML_SUCCESS);
  EXPECT_EQ(device, gpu());
}

}  // namespace
}  // namespace migsim::testing
