// SPDX-License-Identifier: Apache-2.0
// Formats: H200, 580.159.04, except where said.
#include "sim/tree/static_part.h"

#include <cstring>

#include "sim/machine/machine.h"
#include "sim/tree/steps.h"
#include "sim/tree/sys_part.h"

namespace migsim {

namespace {

constexpr std::uint32_t kMaxMinors = 32;  // number of GPUs in mig-minors
constexpr std::uint32_t kImexMinor = 4323;
constexpr std::uint32_t kOwnerOnly = 0400;
constexpr std::uint32_t kEveryoneReads = 0444;
constexpr std::uint32_t kEveryoneWrites = 0666;

std::string mig_minors() {
  std::string text = "config 1\nmonitor 2\n";
  for (std::uint32_t g = 0; g < kMaxMinors; ++g) {
    for (std::uint32_t i = 0; i < kGisPerGpu; ++i) {
      text += print("gpu%u/gi%u/access %u\n", g, i, gi_cap_minor(g, i));
      for (std::uint32_t k = 0; k < kCisPerGi; ++k) {
        text += print("gpu%u/gi%u/ci%u/access %u\n", g, i, k, ci_cap_minor(g, i, k));
      }
    }
  }
  return text;
}

// Module parameters that tools read, with the values seen on the H200.
const char* const kParams =
    "ResmanDebugLevel: 4294967295\nRmLogonRC: 1\nModifyDeviceFiles: 1\nDeviceFileUID: 0\n"
    "DeviceFileGID: 0\nDeviceFileMode: 438\nInitializeSystemMemoryAllocations: 1\n"
    "UsePageAttributeTable: 4294967295\nEnableMSI: 1\nEnablePCIeGen3: 0\nMemoryPoolSize: 0\n"
    "KMallocHeapMaxSize: 0\nVMallocHeapMaxSize: 0\nIgnoreMMIOCheck: 0\nEnableStreamMemOPs: 0\n"
    "EnableUserNUMAManagement: 1\nNvLinkDisable: 0\nRmProfilingAdminOnly: 0\n"
    "PreserveVideoMemoryAllocations: 0\nDynamicPowerManagement: 3\nRegisterPCIDriver: 1\n"
    "EnableResizableBar: 0\nEnableGpuFirmware: 18\nEnableGpuFirmwareLogs: 2\n"
    "OpenRmEnableUnsupportedGpus: 1\nImexChannelCount: 2048\nCreateImexChannel0: 0\n"
    "CoherentGPUMemoryMode: \"\"\nRegistryDwords: \"\"\nRegistryDwordsPerDevice: \"\"\nRmMsg: "
    "\"\"\n"
    "GpuBlacklist: \"\"\nTemporaryFilePath: \"\"\nExcludedGpus: \"\"\n";

// Layout of /proc/driver/nvidia/gpus/*/information as R580 prints it; the driver prints question
// marks for an unread video BIOS. Interrupts and DMA are not simulated.
std::string information(const TreeGpu& gpu, const std::string& driver) {
  const char* vbios = gpu.board->vbios[0] != '\0' ? gpu.board->vbios : "??.??.??.??.??";
  return print(
      "Model: \t\t %s\nIRQ:   \t\t 0\nGPU UUID: \t %s\nVideo BIOS: \t %s\nBus Type: \t PCIe\n"
      "Bus Location: \t %s\nDevice Minor: \t %u\nGPU Firmware: \t %s\nGPU Excluded:\t No\n",
      gpu.board->name,
      gpu.uuid.c_str(),
      vbios,
      bus_id(gpu).c_str(),
      gpu.minor,
      driver.c_str());
}

void driver_files(Steps& steps, const Dir& tree, const std::string& driver) {
  const Dir proc = steps.enter(tree, "proc/driver/nvidia");
  steps.file(proc,
             "version",
             print("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  %s  Release Build  "
                   "(simulated by migctl)\nGCC version:  gcc version 12.2.0 (Debian)\n",
                   driver.c_str()));
  steps.file(proc, "params", kParams);
  steps.file(proc, "registry", "Binary: \"\"\n", 0644);
  // Empty here; `sim shell` bind-mounts a file with the machine's folder over it.
  steps.file(proc, std::strrchr(kMachinePointer, '/') + 1, "");
  const Dir caps = steps.enter(proc, "capabilities");
  steps.file(caps, "fabric-imex-mgmt", capability_text(kImexMinor, kOwnerOnly));
  const Dir mig = steps.enter(caps, "mig");
  steps.file(mig, "config", capability_text(1, kOwnerOnly));
  steps.file(mig, "monitor", capability_text(2, kEveryoneReads));
  const Dir minors = steps.enter(tree, "proc/driver/nvidia-caps");
  steps.file(minors, "mig-minors", mig_minors());
  steps.file(minors, "sys-minors", print("fabric-imex-mgmt %u\n", kImexMinor));
  const Dir top = steps.enter(tree, "proc");
  steps.file(top,
             "devices",
             "Character devices:\n195 nvidia\n195 nvidiactl\n238 nvidia-uvm\n241 nvidia-caps\n\n"
             "Block devices:\n");
}

// Tools find the driver's folder and version by this file name (NVIDIA Container Toolkit) and only
// pass the file on. The simulator has no CUDA: a program that loads the file gets the loader's
// error.
void library_files(Steps& steps, const Dir& tree, const std::string& driver) {
  const Dir libraries = steps.enter(tree, "usr/lib/x86_64-linux-gnu");
  steps.file(libraries,
             print("libcuda.so.%s", driver.c_str()).c_str(),
             "Stands for the CUDA driver library of a machine simulated by migctl.\n",
             0644);
}

void device_files(Steps& steps, const Dir& tree, const std::vector<TreeGpu>& gpus) {
  const Dir dev = steps.enter(tree, "dev");
  for (const TreeGpu& gpu : gpus) {
    steps.file(dev, print("nvidia%u", gpu.minor).c_str(), "", kEveryoneWrites);
  }
  for (const char* name : {"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"}) {
    steps.file(dev, name, "", kEveryoneWrites);
  }
  const Dir caps = steps.enter(dev, "nvidia-caps");
  steps.file(caps, "nvidia-cap1", "", kOwnerOnly);
  steps.file(caps, "nvidia-cap2", "", kEveryoneReads);
}

}  // namespace

std::string bus_id(const TreeGpu& gpu) {
  return print("%04x:%02x:%02x.0", gpu.domain, gpu.bus, gpu.device);
}

std::string capability_text(std::uint32_t cap_minor, std::uint32_t mode) {
  return print("DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n", cap_minor, mode);
}

int write_static_part(const Dir& tree,
                      const std::vector<TreeGpu>& gpus,
                      const std::string& driver) {
  Steps steps;
  driver_files(steps, tree, driver);
  device_files(steps, tree, gpus);
  library_files(steps, tree, driver);
  for (const TreeGpu& gpu : gpus) {
    const Dir dir = steps.enter(tree, "proc/driver/nvidia/gpus/" + bus_id(gpu));
    steps.file(dir, "information", information(gpu, driver));
  }
  sys_files(steps, tree, gpus, driver);
  return steps.error();
}

}  // namespace migsim
