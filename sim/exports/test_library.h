// SPDX-License-Identifier: Apache-2.0
// Test fixture: a fresh machine on disk and the built libnvidia-ml.so.1 loaded on it, as a client
// would.
#ifndef MIGCTL_SIM_EXPORTS_TEST_LIBRARY_H_
#define MIGCTL_SIM_EXPORTS_TEST_LIBRARY_H_

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "abi/nvml.h"
#include "sim/machine/process.h"
#include "sim/machine/test_machine.h"

// A function of the loaded library: NV(nvmlInit_v2)().
#define NV(name) reinterpret_cast<decltype(&(name))>(library().symbol(#name))

namespace migsim::testing {

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

class Library {
 public:
  Library() : handle_(::dlopen(MIG_SIM_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL)) {
    EXPECT_NE(handle_, nullptr) << ::dlerror();
  }

  void* symbol(const char* name) const {
    void* found = ::dlsym(handle_, name);
    EXPECT_NE(found, nullptr) << name;
    return found;
  }

 private:
  void* handle_;
};

inline const Library& library() {
  static const Library instance;
  return instance;
}

// A test with a simulated machine of the given boards, MIG on or off.
class LibraryTest : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& boards, bool mig) {
    rig = std::make_unique<Rig>(boards, mig);
    for (std::uint32_t i = 0; i < boards.size(); ++i) {
      GpuState& gpu = rig->state->gpus[i];
      gpu.pci_bus = 0;
      gpu.pci_device = 6 + i;
      std::snprintf(gpu.serial_number, sizeof(gpu.serial_number), "165432414728%u", i);
    }
    Options& options = rig->state->options;
    std::snprintf(options.driver_version, sizeof(options.driver_version), "580.159.04");
    std::snprintf(options.nvml_version, sizeof(options.nvml_version), "13.580.159.04");
  }

  void open() {
    machine = on_disk(dir, *rig);
    ASSERT_NE(machine, nullptr);
    ::setenv("MIGSIM_MACHINE", dir.path().c_str(), 1);
    ASSERT_EQ(NV(nvmlInit_v2)(), NVML_SUCCESS);
    opened = true;
  }

  void TearDown() override {
    if (opened) {
      EXPECT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
    }
    ::unsetenv("MIGSIM_MACHINE");
  }

  nvmlDevice_t gpu(unsigned index = 0) const {
    nvmlDevice_t device = nullptr;
    EXPECT_EQ(NV(nvmlDeviceGetHandleByIndex_v2)(index, &device), NVML_SUCCESS);
    return device;
  }

  nvmlDevice_t mig(unsigned index, unsigned gpu_index = 0) const {
    nvmlDevice_t device = nullptr;
    EXPECT_EQ(NV(nvmlDeviceGetMigDeviceHandleByIndex)(gpu(gpu_index), index, &device),
              NVML_SUCCESS);
    return device;
  }

  nvmlGpuInstance_t create_gi(unsigned profile_id) const {
    nvmlGpuInstance_t instance = nullptr;
    EXPECT_EQ(NV(nvmlDeviceCreateGpuInstance)(gpu(), profile_id, &instance), NVML_SUCCESS);
    return instance;
  }

  nvmlComputeInstance_t create_ci(nvmlGpuInstance_t instance, unsigned profile) const {
    nvmlComputeInstance_t compute = nullptr;
    EXPECT_EQ(NV(nvmlGpuInstanceCreateComputeInstance)(instance, profile, &compute), NVML_SUCCESS);
    return compute;
  }

  // Attaches this test program to an instance, as a workload would.
  void attach_self(Instance at, std::uint64_t memory_bytes, double sm_active) const {
    Machine::Change change(*machine);
    std::uint32_t slot = 0;
    ASSERT_EQ(attach_process(machine->hardware(), *change, at, this_process(), now_ns(), slot),
              Attach::kOk);
    change->processes[slot].memory_bytes = memory_bytes;
    change->processes[slot].rate[kSmActive] = sm_active;
    change->processes[slot].rate[kGraphics] = sm_active;
    change.commit();
  }

  TempDir dir;
  std::unique_ptr<Rig> rig;
  std::unique_ptr<Machine> machine;
  bool opened = false;
};

}  // namespace migsim::testing

#endif  // MIGCTL_SIM_EXPORTS_TEST_LIBRARY_H_
