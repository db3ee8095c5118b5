// SPDX-License-Identifier: Apache-2.0
// Instances and MIG devices through the exported calls.
#include <sys/wait.h>
#include <unistd.h>

#include "sim/exports/test_library.h"

namespace migsim::testing {
namespace {

class Mig : public LibraryTest {
 protected:
  void SetUp() override {
    start({"h200-141gb", "a100-sxm4-40gb"}, true);
    rig->state->options.shared = 1;
    open();
  }

  std::string text(nvmlReturn_t (*call)(nvmlDevice_t, char*, unsigned), nvmlDevice_t device) {
    char out[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = {};
    EXPECT_EQ(call(device, out, sizeof(out)), NVML_SUCCESS);
    return out;
  }
};

TEST_F(Mig, WalkFromGpuToDeviceAndBack) {
  const nvmlGpuInstance_t gi = create_gi(9);
  const nvmlComputeInstance_t ci = create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE);
  nvmlGpuInstanceInfo_t gi_info{};
  ASSERT_EQ(NV(nvmlGpuInstanceGetInfo)(gi, &gi_info), NVML_SUCCESS);
  EXPECT_EQ(gi_info.device, gpu());
  EXPECT_EQ(gi_info.profileId, 9U);
  EXPECT_EQ(gi_info.placement.size, 4U);
  nvmlComputeInstanceInfo_t info{};
  ASSERT_EQ(NV(nvmlComputeInstanceGetInfo_v2)(ci, &info), NVML_SUCCESS);
  EXPECT_EQ(info.device, mig(0));
  EXPECT_EQ(info.gpuInstance, gi);
  EXPECT_EQ(info.profileId, 2U);
  EXPECT_EQ(text(NV(nvmlDeviceGetName), info.device), "NVIDIA H200 MIG 3g.71gb");
  nvmlDevice_t parent = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetDeviceHandleFromMigDeviceHandle)(info.device, &parent), NVML_SUCCESS);
  EXPECT_EQ(parent, gpu());
  unsigned id = 99;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceId)(info.device, &id), NVML_SUCCESS);
  EXPECT_EQ(id, gi_info.id);
  nvmlDeviceAttributes_t attributes{};
  ASSERT_EQ(NV(nvmlDeviceGetAttributes_v2)(info.device, &attributes), NVML_SUCCESS);
  EXPECT_EQ(attributes.multiprocessorCount, 60U);
  EXPECT_EQ(attributes.gpuInstanceSliceCount, 3U);
  EXPECT_EQ(attributes.memorySizeMB, 71424U);
  nvmlMemory_t memory{};
  ASSERT_EQ(NV(nvmlDeviceGetMemoryInfo)(info.device, &memory), NVML_SUCCESS);
  EXPECT_EQ(memory.total, 71424ULL << 20U);
}

TEST_F(Mig, BothFormsOfUuid) {
  const nvmlGpuInstance_t gi = create_gi(19);
  create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  const std::string uuid = text(NV(nvmlDeviceGetUUID), mig(0));
  EXPECT_EQ(uuid.substr(0, 4), "MIG-");
  nvmlDevice_t device = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetHandleByUUID)(uuid.c_str(), &device), NVML_SUCCESS);
  EXPECT_EQ(device, mig(0));
  unsigned id = 0;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceId)(device, &id), NVML_SUCCESS);
  const std::string path =
      "MIG-" + text(NV(nvmlDeviceGetUUID), gpu()) + "/" + std::to_string(id) + "/0";
  device = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetHandleByUUID)(path.c_str(), &device), NVML_SUCCESS) << path;
  EXPECT_EQ(device, mig(0));
  for (const char* wrong : {"MIG-", "MIG-GPU-x/0", "", "GPU-none"}) {
    EXPECT_EQ(NV(nvmlDeviceGetHandleByUUID)(wrong, &device), NVML_ERROR_NOT_FOUND) << wrong;
  }
  EXPECT_EQ(NV(nvmlDeviceGetHandleByUUID)((path + "x").c_str(), &device), NVML_ERROR_NOT_FOUND);
}

TEST_F(Mig, DestroyedHandlesAreStaleAndOthersNot) {
  const nvmlGpuInstance_t gi = create_gi(19);
  const nvmlComputeInstance_t ci = create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  const nvmlDevice_t device = mig(0);
  EXPECT_EQ(NV(nvmlGpuInstanceDestroy)(gi), NVML_ERROR_IN_USE);
  EXPECT_EQ(NV(nvmlComputeInstanceDestroy)(ci), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlComputeInstanceDestroy)(ci), NVML_ERROR_INVALID_ARGUMENT);
  create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);  // same ids, another device
  nvmlMemory_t memory{};
  EXPECT_EQ(NV(nvmlDeviceGetMemoryInfo)(device, &memory), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(device, mig(0));
  EXPECT_EQ(NV(nvmlDeviceGetMemoryInfo)(mig(0), &memory), NVML_SUCCESS);
}

TEST_F(Mig, ListsAndErrors) {
  const nvmlGpuInstance_t first = create_gi(19);
  create_gi(19);
  nvmlGpuInstance_t found[7] = {};
  unsigned count = 0;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstances)(gpu(), 19, found, &count), NVML_SUCCESS);
  EXPECT_EQ(count, 2U);
  // Profile of another board: an empty list, as a real H200 answers.
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstances)(gpu(), 21, found, &count), NVML_SUCCESS);
  EXPECT_EQ(count, 0U);
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstances)(gpu(), 46, found, &count), NVML_ERROR_INVALID_ARGUMENT);
  nvmlGpuInstance_t instance = nullptr;
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceById)(gpu(), 0, &instance), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(NV(nvmlDeviceCreateGpuInstance)(gpu(), 0, &instance),
            NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(NV(nvmlDeviceCreateGpuInstance)(gpu(), 1, &instance), NVML_ERROR_INVALID_ARGUMENT);
  const nvmlGpuInstancePlacement_t nowhere{5, 3};
  EXPECT_EQ(NV(nvmlDeviceCreateGpuInstanceWithPlacement)(gpu(), 19, &nowhere, &instance),
            NVML_ERROR_INVALID_ARGUMENT);
  nvmlComputeInstanceProfileInfo_v2_t info{};
  EXPECT_EQ(NV(nvmlGpuInstanceGetComputeInstanceProfileInfoV)(first, 0, 0, &info),
            NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
  info.version = nvmlComputeInstanceProfileInfo_v2;
  EXPECT_EQ(NV(nvmlGpuInstanceGetComputeInstanceProfileInfoV)(first, 0, 0, &info), NVML_SUCCESS);
  EXPECT_STREQ(info.name, "MIG 1g.18gb");
  EXPECT_EQ(NV(nvmlGpuInstanceGetComputeInstanceProfileInfoV)(first, 4, 0, &info),
            NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlGpuInstanceGetComputeInstanceProfileInfoV)(first, 8, 0, &info),
            NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(NV(nvmlGpuInstanceGetComputeInstanceProfileInfoV)(first, 0, 1, &info),
            NVML_ERROR_INVALID_ARGUMENT);
}

TEST_F(Mig, WholeGpuReadingsStayAndUtilisationGoes) {
  create_ci(create_gi(19), NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  unsigned value = 0;
  EXPECT_EQ(NV(nvmlDeviceGetPowerUsage)(gpu(), &value), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlDeviceGetPowerUsage)(mig(0), &value), NVML_ERROR_NOT_SUPPORTED);
  nvmlUtilization_t rates{};
  EXPECT_EQ(NV(nvmlDeviceGetUtilizationRates)(gpu(), &rates), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceGetUtilizationRates)(mig(0), &rates), NVML_ERROR_NOT_SUPPORTED);
  nvmlBAR1Memory_t bar1{};
  EXPECT_EQ(NV(nvmlDeviceGetBAR1MemoryInfo)(mig(0), &bar1), NVML_SUCCESS);
  EXPECT_NEAR(static_cast<double>(bar1.bar1Total >> 20U), 14809.0, 20.0);
  EXPECT_EQ(NV(nvmlDeviceGetBAR1MemoryInfo)(gpu(), &bar1), NVML_SUCCESS);
  EXPECT_NEAR(static_cast<double>(bar1.bar1Used >> 20U), 143157.0, 2.0);
}

TEST_F(Mig, WorkstationBoardInDisplayMode) {
  {
    Machine::Change change(*machine);
    change->gpus[1].graphics_mode = 1;
    change->gpus[1].mig_current = change->gpus[1].mig_pending = 0;
    change.commit();
  }
  unsigned value = 0;
  nvmlReturn_t activation{};
  nvmlGpuInstanceProfileInfo_t info{};
  EXPECT_EQ(NV(nvmlDeviceGetMigMode)(gpu(1), &value, &value), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceSetMigMode)(gpu(1), 1, &activation), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceProfileInfo)(gpu(1), 0, &info), NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(1), 19, &value),
            NVML_ERROR_NOT_SUPPORTED);
}

// What an unprivileged user may see and do, tested in a child process with another uid.
TEST_F(Mig, UnprivilegedUsers) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become somebody else";
  }
  create_ci(create_gi(19), NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) {
      ::_exit(100);
    }
    nvmlGpuInstance_t instance = nullptr;
    nvmlReturn_t activation{};
    unsigned count = 0;
    nvmlMemory_t memory{};
    const bool right =
        NV(nvmlDeviceCreateGpuInstance)(gpu(), 19, &instance) == NVML_ERROR_NO_PERMISSION &&
        NV(nvmlDeviceSetMigMode)(gpu(), 0, &activation) == NVML_ERROR_NO_PERMISSION &&
        NV(nvmlDeviceGetGpuInstances)(gpu(), 19, &instance, &count) == NVML_ERROR_NO_PERMISSION &&
        NV(nvmlDeviceGetGpuInstanceRemainingCapacity)(gpu(), 19, &count) ==
            NVML_ERROR_NO_PERMISSION &&
        NV(nvmlDeviceGetMemoryInfo)(gpu(), &memory) == NVML_ERROR_NO_PERMISSION &&
        NV(nvmlDeviceGetMemoryInfo)(mig(0), &memory) == NVML_SUCCESS;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace migsim::testing
