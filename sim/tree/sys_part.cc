// SPDX-License-Identifier: Apache-2.0
// Layout: Linux 6.x with R580's open kernel modules, as lspci, hwloc and NVIDIA's nvpci read it.
#include "sim/tree/sys_part.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace migsim {

namespace {

constexpr unsigned kMaxCpus = 8192;  // the kernel's own limit

void put16(std::string& bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<char>(value & 0xffU);
  bytes[at + 1] = static_cast<char>(value >> 8U & 0xffU);
}

// PCI configuration space: the standard header's identity, everything else 0.
std::string config_space(const TreeGpu& gpu) {
  const Board& board = *gpu.board;
  std::string bytes(256, '\0');
  put16(bytes, 0x00, board.pci_device_id & 0xffffU);
  put16(bytes, 0x02, board.pci_device_id >> 16U);
  put16(bytes, 0x04, 0x0406);  // command register: memory, bus master, no legacy interrupt
  bytes[0x08] = '\xa1';        // revision
  bytes[0x09] = static_cast<char>(gpu.pci_class & 0xffU);
  put16(bytes, 0x0a, gpu.pci_class >> 8U);
  put16(bytes, 0x2c, board.pci_subsystem_id & 0xffffU);
  put16(bytes, 0x2e, board.pci_subsystem_id >> 16U);
  return bytes;
}

// PCI `resource` file: thirteen regions (six BARs, ROM, six of bridges), all unmapped.
std::string resources() {
  std::string text;
  for (int i = 0; i < 13; ++i) {
    text += "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
  }
  return text;
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Every GPU sits at a PCI root port of its own: no bridge or switch is simulated.
std::string root_name(const TreeGpu& gpu) {
  return print("pci%04x:%02x", gpu.domain, gpu.bus);
}

// Link speed as sysfs shows it: "32.0 GT/s PCIe"; "" for an unknown generation.
std::string link_speed(std::int64_t generation) {
  static const char* const kSpeeds[] = {
      "2.5", "5.0", "8.0", "16.0", "32.0", "64.0"};  // PCI Express 1 to 6
  return generation >= 1 && generation <= 6 ? print("%s GT/s PCIe\n", kSpeeds[generation - 1]) : "";
}

std::string modalias(const TreeGpu& gpu) {
  const Board& board = *gpu.board;
  return print("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
               board.pci_device_id & 0xffffU,
               board.pci_device_id >> 16U,
               board.pci_subsystem_id & 0xffffU,
               board.pci_subsystem_id >> 16U,
               gpu.pci_class >> 16U & 0xffU,
               gpu.pci_class >> 8U & 0xffU,
               gpu.pci_class & 0xffU);
}

std::string uevent(const TreeGpu& gpu) {
  const Board& board = *gpu.board;
  return print(
      "DRIVER=nvidia\nPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
      "PCI_SLOT_NAME=%s\nMODALIAS=%s\n",
      gpu.pci_class,
      board.pci_device_id & 0xffffU,
      board.pci_device_id >> 16U,
      board.pci_subsystem_id & 0xffffU,
      board.pci_subsystem_id >> 16U,
      bus_id(gpu).c_str(),
      modalias(gpu).c_str());
}

void identity_files(Steps& steps, const Dir& dir, const TreeGpu& gpu) {
  const Board& board = *gpu.board;
  steps.file(dir, "vendor", print("0x%04x\n", board.pci_device_id & 0xffffU));
  steps.file(dir, "device", print("0x%04x\n", board.pci_device_id >> 16U));
  steps.file(dir, "subsystem_vendor", print("0x%04x\n", board.pci_subsystem_id & 0xffffU));
  steps.file(dir, "subsystem_device", print("0x%04x\n", board.pci_subsystem_id >> 16U));
  steps.file(dir, "class", print("0x%06x\n", gpu.pci_class));
  steps.file(dir, "revision", "0xa1\n");
  steps.file(dir, "modalias", modalias(gpu) + "\n");
  steps.file(dir, "uevent", uevent(gpu), 0644);
  steps.file(dir, "config", config_space(gpu), 0644);
  steps.file(dir, "resource", resources());
}

// One NUMA node with all processors, consistent with the simulated NVML.
void placement_files(Steps& steps, const Dir& dir) {
  const std::string cpus = first_line("/sys/devices/system/cpu/online");
  steps.file(dir, "numa_node", "-1\n", 0644);
  steps.file(dir, "local_cpulist", cpus + "\n");
  steps.file(dir, "local_cpus", cpu_mask(cpus) + "\n");
}

void link_files(Steps& steps, const Dir& dir, const Board& board) {
  const std::string speed = link_speed(board.pcie_gen);
  if (!speed.empty() && board.pcie_width != kUnknown) {
    const std::string width = std::to_string(board.pcie_width) + "\n";
    for (const char* which : {"current", "max"}) {
      steps.file(dir, print("%s_link_speed", which).c_str(), speed);
      steps.file(dir, print("%s_link_width", which).c_str(), width);
    }
  }
}

void pci_device(Steps& steps, const Dir& tree, const TreeGpu& gpu) {
  const std::string id = bus_id(gpu);
  const std::string below = root_name(gpu) + "/" + id;
  const Dir dir = steps.enter(tree, "sys/devices/" + below);
  identity_files(steps, dir, gpu);
  placement_files(steps, dir);
  link_files(steps, dir, *gpu.board);
  steps.file(dir, "enable", "1\n", 0644);
  steps.file(dir, "irq", "0\n");
  steps.file(dir, "power_state", "D0\n");
  steps.link(dir, "driver", "../../../bus/pci/drivers/nvidia");
  steps.link(dir, "subsystem", "../../../bus/pci");
  const Dir power = steps.enter(dir, "power");
  steps.file(power, "control", "on\n", 0644);
  steps.file(power, "runtime_status", "active\n");
  const Dir devices = steps.enter(tree, "sys/bus/pci/devices");
  steps.link(devices, id.c_str(), ("../../../devices/" + below).c_str());
  const Dir driver = steps.enter(tree, "sys/bus/pci/drivers/nvidia");
  steps.link(driver, id.c_str(), ("../../../../devices/" + below).c_str());
}

// `size` is the module's size in proc/modules.
void module(Steps& steps,
            const Dir& tree,
            const char* name,
            const char* size,
            const char* users,
            const std::string& driver) {
  const Dir dir = steps.enter(tree, std::string("sys/module/") + name);
  steps.file(dir, "version", driver + "\n");
  steps.file(dir, "coresize", print("%s\n", size));
  steps.file(dir, "initsize", "0\n");
  steps.file(dir, "initstate", "live\n");
  steps.file(dir, "refcnt", print("%s\n", users));
  steps.file(dir, "taint", "O\n");
  steps.enter(dir, "holders");
}

}  // namespace

std::string cpu_mask(const std::string& list) {
  std::vector<std::uint32_t> words;
  std::istringstream ranges(list);
  for (std::string range; std::getline(ranges, range, ',');) {
    const char* const end = range.data() + range.size();
    unsigned first = 0;
    auto [stop, error] = std::from_chars(range.data(), end, first);
    unsigned last = first;
    if (error == std::errc() && stop != end && *stop == '-') {
      const auto second = std::from_chars(stop + 1, end, last);
      stop = second.ptr;
      error = second.ec;
    }
    if (error != std::errc() || stop != end || last < first || last >= kMaxCpus) {
      return "";
    }
    words.resize(std::max<std::size_t>(words.size(), last / 32 + 1));
    for (unsigned cpu = first; cpu <= last; ++cpu) {
      words[cpu / 32] |= 1U << (cpu % 32);
    }
  }
  std::string mask;
  std::reverse(words.begin(), words.end());
  for (const auto word : words) {
    mask += mask.empty() ? print("%x", word) : print(",%08x", word);
  }
  return mask;
}

void sys_files(Steps& steps,
               const Dir& tree,
               const std::vector<TreeGpu>& gpus,
               const std::string& driver) {
  for (const TreeGpu& gpu : gpus) {
    pci_device(steps, tree, gpu);
  }
  module(steps, tree, "nvidia", "14348288", "1", driver);
  module(steps, tree, "nvidia_uvm", "2076672", "0", driver);
  const Dir nvidia = steps.enter(tree, "sys/module/nvidia");
  steps.link(steps.enter(nvidia, "holders"), "nvidia_uvm", "../../nvidia_uvm");
  steps.link(steps.enter(nvidia, "drivers"), "pci:nvidia", "../../../bus/pci/drivers/nvidia");
  const Dir pci = steps.enter(tree, "sys/bus/pci/drivers/nvidia");
  steps.link(pci, "module", "../../../../module/nvidia");
}

}  // namespace migsim
