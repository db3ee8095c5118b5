// SPDX-License-Identifier: Apache-2.0
// Identity of a GPU: names, ids and sizes.
#include "sim/tools/capture_notebook.h"

namespace migsim {

namespace {

Problem read_names(const Notebook& book) {
  Board& board = book.board();
  std::array<char, 96> name{};
  const nvmlReturn_t code = MIGSIM_NVML(book.calls(),
                                        nvmlDeviceGetName,
                                        book.device(),
                                        name.data(),
                                        static_cast<unsigned>(name.size()));
  if (!book.told("identity.name", code, "nvmlDeviceGetName")) {
    return {Exit::kNotSupported, "cannot capture a GPU without a name: " + nvml_name(code), ""};
  }
  copy_text(name.data(), board.name);
  book.text<decltype(&nvmlDeviceGetVbiosVersion)>(
      "nvmlDeviceGetVbiosVersion", "identity.vbios", board.vbios);
  book.text<decltype(&nvmlDeviceGetBoardPartNumber)>(
      "nvmlDeviceGetBoardPartNumber", "identity.part_number", board.part_number);
  return {};
}

Problem read_architecture_of(const Notebook& book) {
  Board& board = book.board();
  nvmlDeviceArchitecture_t architecture = 0;
  nvmlReturn_t code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetArchitecture, book.device(), &architecture);
  const bool known = architecture == NVML_DEVICE_ARCH_AMPERE ||
                     architecture == NVML_DEVICE_ARCH_HOPPER ||
                     architecture == NVML_DEVICE_ARCH_BLACKWELL;
  if (!book.told("identity.architecture", code, "nvmlDeviceGetArchitecture") || !known) {
    return {Exit::kNotSupported,
            "cannot capture a " + std::string(board.name) +
                ": the simulator has Ampere, Hopper and Blackwell, and its architecture is " +
                (code == NVML_SUCCESS ? std::to_string(architecture) : nvml_name(code)),
            ""};
  }
  board.architecture = static_cast<Architecture>(architecture);
  int major = 0;
  int minor = 0;
  code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetCudaComputeCapability, book.device(), &major, &minor);
  if (!book.told("identity.compute_capability", code, "nvmlDeviceGetCudaComputeCapability")) {
    return {Exit::kNotSupported, "cannot read the compute capability: " + nvml_name(code), ""};
  }
  board.cc_major = static_cast<std::uint32_t>(major);
  board.cc_minor = static_cast<std::uint32_t>(minor);
  return {};
}

Problem read_pci(const Notebook& book) {
  Board& board = book.board();
  nvmlPciInfo_t pci{};
  const nvmlReturn_t code = MIGSIM_NVML(book.calls(), nvmlDeviceGetPciInfo_v3, book.device(), &pci);
  if (!book.told("identity.pci_device_id", code, "nvmlDeviceGetPciInfo_v3")) {
    return {Exit::kNotSupported, "cannot read the PCI ids: " + nvml_name(code), ""};
  }
  board.pci_device_id = pci.pciDeviceId;
  board.pci_subsystem_id = pci.pciSubSystemId;
  if (pci.pciSubSystemId != 0) {
    book.told("identity.pci_subsystem_id", code, "nvmlDeviceGetPciInfo_v3");
  } else {
    book.untold("identity.pci_subsystem_id", "nvmlDeviceGetPciInfo_v3 gives 0");
  }
  nvmlPciInfoExt_v1_t more{};
  more.version = nvmlPciInfoExt_v1;
  if (book.told("identity.pci_class",
                MIGSIM_NVML(book.calls(), nvmlDeviceGetPciInfoExt, book.device(), &more),
                "nvmlDeviceGetPciInfoExt")) {
    board.pci_class = more.baseClass << 16U | more.subClass << 8U;
  }
  return {};
}

Problem read_memory_sizes(const Notebook& book) {
  Board& board = book.board();
  nvmlMemory_t memory{};
  nvmlReturn_t code = MIGSIM_NVML(book.calls(), nvmlDeviceGetMemoryInfo, book.device(), &memory);
  if (!book.told("memory.total_bytes", code, "nvmlDeviceGetMemoryInfo")) {
    return {
        code == NVML_ERROR_NO_PERMISSION ? Exit::kPermission : Exit::kNotSupported,
        "cannot read the memory of the GPU: " + nvml_name(code),
        code == NVML_ERROR_NO_PERMISSION ? "with MIG on only root is told; run it with sudo" : ""};
  }
  board.memory_total_bytes = static_cast<std::int64_t>(memory.total);
  nvmlMemory_v2_t apart{};
  apart.version = nvmlMemory_v2;
  code = MIGSIM_NVML(book.calls(), nvmlDeviceGetMemoryInfo_v2, book.device(), &apart);
  // Every driver reserves memory; 0 means that the library does not implement the field.
  if (code == NVML_SUCCESS && apart.reserved == 0) {
    book.untold("memory.reserved_bytes", "nvmlDeviceGetMemoryInfo_v2 gives 0");
  } else if (book.told("memory.reserved_bytes", code, "nvmlDeviceGetMemoryInfo_v2")) {
    board.memory_reserved_bytes = static_cast<std::int64_t>(apart.reserved);
  }
  MIGSIM_NUMBER(book, nvmlDeviceGetMemoryBusWidth, "memory.bus_bits", &Board::memory_bus_bits);
  nvmlBAR1Memory_t bar1{};
  code = MIGSIM_NVML(book.calls(), nvmlDeviceGetBAR1MemoryInfo, book.device(), &bar1);
  if (book.told("memory.bar1_bytes", code, "nvmlDeviceGetBAR1MemoryInfo")) {
    board.bar1_bytes = static_cast<std::int64_t>(bar1.bar1Total);
  }
  return {};
}

}  // namespace

Problem read_identity(const NvmlCalls& calls, nvmlDevice_t device, Capture& out) {
  const Notebook book(calls, device, out);
  for (const auto read : {read_names, read_architecture_of, read_pci, read_memory_sizes}) {
    if (Problem problem = read(book); !problem.ok()) {
      return problem;
    }
  }
  nvmlBrandType_t brand{};
  if (book.told("identity.brand",
                MIGSIM_NVML(calls, nvmlDeviceGetBrand, device, &brand),
                "nvmlDeviceGetBrand")) {
    out.board.brand = static_cast<std::int64_t>(brand);
  }
  MIGSIM_NUMBER(book, nvmlDeviceGetNumGpuCores, "identity.cores", &Board::cores);
  return {};
}

}  // namespace migsim
