// SPDX-License-Identifier: Apache-2.0
// Formats: H200, 580.159.04, except where said.
#include "sim/tree/static_part.h"

#include <cstdarg>
#include <cstdio>

namespace migsim {

namespace {

constexpr std::uint32_t kMaxMinors = 32;  // GPUs in mig-minors
constexpr std::uint32_t kImexMinor = 4323;
constexpr std::uint32_t kOwnerOnly = 0400;
constexpr std::uint32_t kEveryoneReads = 0444;
constexpr std::uint32_t kEveryoneWrites = 0666;

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

// Runs steps until one fails.
class Steps {
 public:
  void file(const Dir& dir, const char* name, const std::string& content, mode_t mode = 0444) {
    if (error_ == 0) {
      error_ = dir.write(name, content, mode);
    }
  }

  void link(const Dir& dir, const char* name, const char* target) {
    if (error_ == 0) {
      error_ = dir.link(name, target);
    }
  }

  Dir enter(const Dir& dir, const std::string& path) {
    Dir inner;
    if (error_ == 0) {
      error_ = dir.enter(path, inner);
    }
    return inner;
  }

  int error() const { return error_; }

 private:
  int error_ = 0;
};

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

// The module parameters that tools look at, with the values found on the H200.
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

std::string bus_id(const TreeGpu& gpu) {
  return print("%04x:%02x:%02x.0", gpu.domain, gpu.bus, gpu.device);
}

// Layout of /proc/driver/nvidia/gpus/*/information as R580 prints it; the driver itself prints
// question marks for a video BIOS it has not read. Interrupts and DMA are not simulated.
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

void put16(std::string& bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<char>(value & 0xffU);
  bytes[at + 1] = static_cast<char>(value >> 8U & 0xffU);
}

// PCI configuration space: the standard header's identity, everything else 0.
std::string config_space(const Board& board) {
  std::string bytes(256, '\0');
  put16(bytes, 0x00, board.pci_device_id & 0xffffU);
  put16(bytes, 0x02, board.pci_device_id >> 16U);
  put16(bytes, 0x04, 0x0406);  // command: memory, bus master, no legacy interrupt
  bytes[0x08] = '\xa1';        // revision
  bytes[0x09] = static_cast<char>(board.pci_class & 0xffU);
  put16(bytes, 0x0a, board.pci_class >> 8U);
  put16(bytes, 0x2c, board.pci_subsystem_id & 0xffffU);
  put16(bytes, 0x2e, board.pci_subsystem_id >> 16U);
  return bytes;
}

// Thirteen regions (six BARs, ROM, six of bridges); a simulated GPU maps none.
std::string resources() {
  std::string text;
  for (int i = 0; i < 13; ++i) {
    text += "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
  }
  return text;
}

void pci_device(Steps& steps, const Dir& tree, const TreeGpu& gpu) {
  const Board& board = *gpu.board;
  const Dir dir = steps.enter(tree, "sys/bus/pci/devices/" + bus_id(gpu));
  steps.file(dir, "vendor", print("0x%04x\n", board.pci_device_id & 0xffffU));
  steps.file(dir, "device", print("0x%04x\n", board.pci_device_id >> 16U));
  steps.file(dir, "subsystem_vendor", print("0x%04x\n", board.pci_subsystem_id & 0xffffU));
  steps.file(dir, "subsystem_device", print("0x%04x\n", board.pci_subsystem_id >> 16U));
  steps.file(dir, "class", print("0x%06x\n", board.pci_class));
  steps.file(dir, "revision", "0xa1\n");
  steps.file(dir, "numa_node", "-1\n", 0644);
  steps.file(dir, "local_cpulist", "\n");
  steps.file(dir, "enable", "1\n", 0644);
  steps.file(dir, "irq", "0\n");
  steps.file(dir, "resource", resources());
  steps.file(dir, "config", config_space(board), 0644);
  steps.file(dir, "uevent", print("DRIVER=nvidia\nPCI_SLOT_NAME=%s\n", bus_id(gpu).c_str()), 0644);
  steps.link(dir, "driver", "../../drivers/nvidia");
  const Dir driver = steps.enter(tree, "sys/bus/pci/drivers/nvidia");
  steps.link(driver, bus_id(gpu).c_str(), ("../../devices/" + bus_id(gpu)).c_str());
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

// Tools find the driver's folder and version by this name (NVIDIA Container Toolkit); what is
// in it they only hand on. There is no CUDA here, and whoever loads it is told so by the loader.
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
    pci_device(steps, tree, gpu);
  }
  return steps.error();
}

}  // namespace migsim
