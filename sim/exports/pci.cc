// SPDX-License-Identifier: Apache-2.0
// PCI identity and link, and CPU affinity.
#include <cstddef>
#include <cstdio>

#include <sched.h>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/machine/services.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

template <std::size_t N>
void print_bus_id(char (&out)[N], const char* form, const GpuState& gpu) {
  std::snprintf(out, N, form, gpu.pci_domain, gpu.pci_bus, gpu.pci_device);
}

nvmlPciInfo_t pci_of(const Subject& s) {
  nvmlPciInfo_t pci{};
  print_bus_id(pci.busIdLegacy, "%04X:%02X:%02X.0", s.self());
  print_bus_id(pci.busId, "%08X:%02X:%02X.0", s.self());
  pci.domain = s.self().pci_domain;
  pci.bus = s.self().pci_bus;
  pci.device = s.self().pci_device;
  pci.pciDeviceId = s.board().pci_device_id;
  pci.pciSubSystemId = s.board().pci_subsystem_id;
  return pci;
}

// Older callers pass a shorter struct: only its first `bytes` may be written.
nvmlReturn_t give_pci(const char* function,
                      nvmlDevice_t device,
                      nvmlPciInfo_t* out,
                      std::size_t bytes) {
  return read_device(function, device, [&](const Subject& s) {
    if (out == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const nvmlPciInfo_t pci = pci_of(s);
    std::memcpy(static_cast<void*>(out), &pci, bytes);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t give_figure(const char* function,
                         nvmlDevice_t device,
                         std::int64_t Board::*figure,
                         unsigned* out) {
  return read_gpu(
      function, device, [&](const Subject& s) { return put_figure(s.board().*figure, out); });
}

// Model: the simulated machine has one NUMA node with every CPU in this process's affinity mask.
nvmlReturn_t give_cpus(const char* function,
                       nvmlDevice_t device,
                       unsigned words,
                       unsigned long* set) {
  return read_gpu(function, device, [&](const Subject&) {
    if (set == nullptr || words == 0) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) {
      return NVML_ERROR_UNKNOWN;
    }
    constexpr unsigned kBits = 8 * sizeof(unsigned long);
    for (unsigned word = 0; word < words; ++word) {
      set[word] = 0;
      for (unsigned bit = 0; bit < kBits; ++bit) {
        const unsigned cpu = word * kBits + bit;
        if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &cpus)) {
          set[word] |= 1UL << bit;
        }
      }
    }
    return NVML_SUCCESS;
  });
}

nvmlReturn_t give_throughput(const Subject& s, nvmlPcieUtilCounter_t counter, unsigned* out) {
  if (counter != NVML_PCIE_UTIL_TX_BYTES && counter != NVML_PCIE_UTIL_RX_BYTES) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  const double bytes =
      s.self().counters.rate[counter == NVML_PCIE_UTIL_TX_BYTES ? kPcieTx : kPcieRx];
  return put(bytes / 1024.0, out);
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  return give_pci(__func__, device, pci, offsetof(nvmlPciInfo_t, pciSubSystemId));
}

nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  return give_pci(__func__, device, pci, offsetof(nvmlPciInfo_t, busId));
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t* pci) {
  return give_pci(__func__, device, pci, sizeof(nvmlPciInfo_t));
}

nvmlReturn_t nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_v1_t* pci) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (pci == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (pci->version != nvmlPciInfoExt_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    const nvmlPciInfo_t short_form = pci_of(s);
    pci->domain = short_form.domain;
    pci->bus = short_form.bus;
    pci->device = short_form.device;
    pci->pciDeviceId = short_form.pciDeviceId;
    pci->pciSubSystemId = short_form.pciSubSystemId;
    const std::uint32_t pci_class = pci_class_of(s.board(), s.self());
    pci->baseClass = pci_class >> 16U;
    pci->subClass = pci_class >> 8U & 0xFFU;
    fill_text(short_form.busId, pci->busId);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetBusType(nvmlDevice_t device, nvmlBusType_t* type) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(NVML_BUS_TYPE_PCIE, type); });
}

// The PCIe link always runs at the board's full width and generation.
nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned* generation) {
  return give_figure(__func__, device, &Board::pcie_gen, generation);
}

nvmlReturn_t nvmlDeviceGetGpuMaxPcieLinkGeneration(nvmlDevice_t device, unsigned* generation) {
  return give_figure(__func__, device, &Board::pcie_gen, generation);
}

nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned* generation) {
  return give_figure(__func__, device, &Board::pcie_gen, generation);
}

nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned* lanes) {
  return give_figure(__func__, device, &Board::pcie_width, lanes);
}

nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned* lanes) {
  return give_figure(__func__, device, &Board::pcie_width, lanes);
}

nvmlReturn_t nvmlDeviceGetPcieLinkMaxSpeed(nvmlDevice_t device, unsigned* speed) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const std::int64_t gen = s.board().pcie_gen;  // the NVML constant of generation n is n
    return put_figure(gen > NVML_PCIE_LINK_MAX_SPEED_64000MBPS ? kUnknown : gen, speed);
  });
}

nvmlReturn_t nvmlDeviceGetPcieSpeed(nvmlDevice_t device, unsigned* mbps) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    static constexpr std::int64_t kSpeed[] = {kUnknown, 2500, 5000, 8000, 16000, 32000, 64000};
    const std::int64_t gen = s.board().pcie_gen;
    return put_figure(gen < 1 || gen > 6 ? kUnknown : kSpeed[gen], mbps);
  });
}

nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device,
                                         nvmlPcieUtilCounter_t counter,
                                         unsigned* kib_per_s) {
  return read_device(__func__, device, [&](const Subject& s) {
    return s.is_mig() ? NVML_ERROR_NOT_SUPPORTED : give_throughput(s, counter, kib_per_s);
  });
}

nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned* count) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(0U, count); });
}

nvmlReturn_t nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned words, unsigned long* set) {
  return give_cpus(__func__, device, words, set);
}

nvmlReturn_t nvmlDeviceGetCpuAffinityWithinScope(nvmlDevice_t device,
                                                 unsigned words,
                                                 unsigned long* set,
                                                 nvmlAffinityScope_t scope) {
  return scope > NVML_AFFINITY_SCOPE_SOCKET ? NVML_ERROR_INVALID_ARGUMENT
                                            : give_cpus(__func__, device, words, set);
}

nvmlReturn_t nvmlDeviceGetMemoryAffinity(nvmlDevice_t device,
                                         unsigned words,
                                         unsigned long* set,
                                         nvmlAffinityScope_t scope) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (set == nullptr || words == 0 || scope > NVML_AFFINITY_SCOPE_SOCKET) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::memset(set, 0, words * sizeof(unsigned long));
    set[0] = 1;  // node 0
    return NVML_SUCCESS;
  });
}

// The memory of these boards is no NUMA node (H200, 580.159.04: GPU NUMA ID N/A).
nvmlReturn_t nvmlDeviceGetNumaNodeId(nvmlDevice_t device, unsigned* node) {
  return read_gpu(__func__, device, [&](const Subject&) {
    return node == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
  });
}

}  // extern "C"
