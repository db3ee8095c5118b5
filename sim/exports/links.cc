// SPDX-License-Identifier: Apache-2.0
// NVLink and topology, as two H200 of one virtual machine report it (580.159.04): boards with
// NVLink are connected by a switch outside the machine, so every link is up when another such board
// is present; all GPUs are on one host bridge. MIG mode disables NVLink and peer access of its GPU.
#include "sim/exports/links.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

bool has_nvlink(const Board& board) {
  return board.nvlink_count > 0;  // kUnknown is negative
}

}  // namespace

bool migsim::exports::linked(const Subject& s) {
  for (std::uint32_t other = 0; other < s.hardware().gpu_count; ++other) {
    if (other != s.ref.gpu && has_nvlink(s.hardware().boards[s.state().gpus[other].board])) {
      return has_nvlink(s.board());
    }
  }
  return false;
}

bool migsim::exports::has_link(const Subject& s, unsigned link) {
  return !s.mig_on() && has_nvlink(s.board()) && link < NVML_NVLINK_MAX_LINKS &&
         static_cast<std::int64_t>(link) < s.board().nvlink_count;
}

namespace {

// Two H200, 580.159.04: completed, clique 0, and an empty cluster UUID; a single one: not
// supported. Older architectures have no fabric.
template <class Info>
void fill_fabric(const Subject& s, Info& info) {
  const bool joined = linked(s) && s.board().architecture != Architecture::kAmpere;
  std::fill(std::begin(info.clusterUuid), std::end(info.clusterUuid), std::uint8_t{0});
  info.status = NVML_SUCCESS;
  info.cliqueId = 0;
  info.state = joined ? NVML_GPU_FABRIC_STATE_COMPLETED : NVML_GPU_FABRIC_STATE_NOT_SUPPORTED;
}

template <class Body>
nvmlReturn_t read_link(const char* function, nvmlDevice_t device, unsigned link, Body&& body) {
  return read_gpu(function, device, [&](const Subject& s) {
    if (link >= NVML_NVLINK_MAX_LINKS) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return has_link(s, link) ? body(s) : NVML_ERROR_NOT_SUPPORTED;
  });
}

// The board file has the generation (3, 4, 5); NVML numbers 2.2 and 3.1 as separate versions.
nvmlReturn_t give_version(const Subject& s, unsigned* version) {
  switch (s.board().nvlink_version) {
    case 3:
      return put(NVML_NVLINK_VERSION_3_0, version);
    case 4:
      return put(NVML_NVLINK_VERSION_4_0, version);
    case 5:
      return put(NVML_NVLINK_VERSION_5_0, version);
    default:
      return version == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
  }
}

// The remote end is a switch outside the machine: an address of all ones.
nvmlReturn_t give_remote(const char* function,
                         nvmlDevice_t device,
                         unsigned link,
                         nvmlPciInfo_t* pci) {
  return read_link(function, device, link, [&](const Subject& s) {
    if (pci == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!linked(s)) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *pci = {};
    pci->domain = 0xFFFFFFFF;
    pci->bus = 0xFF;
    pci->device = 0xFF;
    fill_text("FFFFFFFF:FF:FF.0", pci->busId);
    fill_text("FFFF:FF:FF.0", pci->busIdLegacy);
    return NVML_SUCCESS;
  });
}

// Runs a query about a pair of GPUs.
template <class Body>
nvmlReturn_t read_pair(const char* function, nvmlDevice_t one, nvmlDevice_t other, Body&& body) {
  const DeviceRef* second = devices().find(other);
  return read_gpu(function, one, [&](const Subject& s) {
    if (second == nullptr || second->is_mig()) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return body(s, second->gpu);
  });
}

nvmlGpuTopologyLevel_t level_of(std::uint32_t one, std::uint32_t other) {
  return one == other ? NVML_TOPOLOGY_INTERNAL : NVML_TOPOLOGY_HOSTBRIDGE;
}

nvmlReturn_t give_gpus(const std::vector<std::uint32_t>& found,
                       unsigned* count,
                       nvmlDevice_t* out) {
  if (count == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  const unsigned room = out == nullptr ? 0 : *count;
  *count = static_cast<unsigned>(found.size());
  for (std::size_t i = 0; i < found.size() && i < room; ++i) {
    out[i] = gpu_handle(found[i]);
  }
  // With a null array the call returns the count only.
  return out != nullptr && found.size() > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlGpuP2PStatus_t p2p_of(const Subject& s, std::uint32_t other, nvmlGpuP2PCapsIndex_t what) {
  const GpuState& far = s.state().gpus[other];
  if (s.mig_on() || far.mig_current != 0) {
    return NVML_P2P_STATUS_NOT_SUPPORTED;
  }
  const bool by_nvlink = has_nvlink(s.board()) && has_nvlink(s.hardware().boards[far.board]);
  if (what == NVML_P2P_CAPS_INDEX_NVLINK || what == NVML_P2P_CAPS_INDEX_ATOMICS) {
    return by_nvlink ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_NOT_SUPPORTED;
  }
  if (what == NVML_P2P_CAPS_INDEX_PCI && by_nvlink) {
    return NVML_P2P_STATUS_NOT_SUPPORTED;  // the pair is connected by NVLink
  }
  return NVML_P2P_STATUS_OK;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t* info) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    fill_fabric(s, *info);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfo_v3_t* info) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (info->version != nvmlGpuFabricInfo_v2 && info->version != nvmlGpuFabricInfo_v3) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (info->version == nvmlGpuFabricInfo_v3) {
      info->healthSummary = 0;  // health summary not reported
    }
    info->healthMask = 0;
    fill_fabric(s, *info);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device,
                                      unsigned link,
                                      nvmlEnableState_t* active) {
  return read_link(__func__, device, link, [&](const Subject& s) {
    return put(linked(s) ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED, active);
  });
}

nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned link, unsigned* version) {
  return read_link(
      __func__, device, link, [&](const Subject& s) { return give_version(s, version); });
}

nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device,
                                           unsigned link,
                                           nvmlNvLinkCapability_t capability,
                                           unsigned* result) {
  return read_link(__func__, device, link, [&](const Subject& s) {
    switch (capability) {
      case NVML_NVLINK_CAP_P2P_SUPPORTED:
      case NVML_NVLINK_CAP_P2P_ATOMICS:
      case NVML_NVLINK_CAP_SYSMEM_ACCESS:
      case NVML_NVLINK_CAP_SYSMEM_ATOMICS:
      case NVML_NVLINK_CAP_SLI_BRIDGE:
        return put(linked(s) ? 1U : 0U, result);
      case NVML_NVLINK_CAP_VALID:
        return put(1U, result);
      default:
        return NVML_ERROR_INVALID_ARGUMENT;
    }
  });
}

nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device,
                                             unsigned link,
                                             nvmlNvLinkErrorCounter_t counter,
                                             unsigned long long* count) {
  return read_link(__func__, device, link, [&](const Subject&) {
    return counter < 0 || counter >= NVML_NVLINK_ERROR_COUNT ? NVML_ERROR_INVALID_ARGUMENT
                                                             : put(0U, count);
  });
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device,
                                                 unsigned link,
                                                 nvmlIntNvLinkDeviceType_t* type) {
  return read_link(__func__, device, link, [&](const Subject& s) {
    return put(linked(s) ? NVML_NVLINK_DEVICE_TYPE_SWITCH : NVML_NVLINK_DEVICE_TYPE_UNKNOWN, type);
  });
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device,
                                              unsigned link,
                                              nvmlPciInfo_t* pci) {
  return give_remote(__func__, device, link, pci);
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device,
                                                 unsigned link,
                                                 nvmlPciInfo_t* pci) {
  return give_remote(__func__, device, link, pci);
}

nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t one,
                                                 nvmlDevice_t other,
                                                 nvmlGpuTopologyLevel_t* level) {
  return read_pair(__func__, one, other, [&](const Subject& s, std::uint32_t second) {
    return put(level_of(s.ref.gpu, second), level);
  });
}

nvmlReturn_t nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device,
                                              nvmlGpuTopologyLevel_t level,
                                              unsigned* count,
                                              nvmlDevice_t* devices_out) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    std::vector<std::uint32_t> found;
    for (std::uint32_t other = 0; other < s.hardware().gpu_count; ++other) {
      if (other != s.ref.gpu && level_of(s.ref.gpu, other) <= level) {
        found.push_back(other);
      }
    }
    return give_gpus(found, count, devices_out);
  });
}

nvmlReturn_t nvmlSystemGetTopologyGpuSet(unsigned cpu, unsigned* count, nvmlDevice_t* devices_out) {
  return call(__func__, [&](Machine& machine) {
    std::vector<std::uint32_t> all;
    const bool exists = static_cast<long>(cpu) < sysconf(_SC_NPROCESSORS_CONF);
    for (std::uint32_t gpu = 0; exists && gpu < machine.hardware().gpu_count; ++gpu) {
      all.push_back(gpu);
    }
    return give_gpus(all, count, devices_out);
  });
}

nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t one,
                                    nvmlDevice_t other,
                                    nvmlGpuP2PCapsIndex_t what,
                                    nvmlGpuP2PStatus_t* status) {
  return read_pair(__func__, one, other, [&](const Subject& s, std::uint32_t second) {
    if (what < 0 || what >= NVML_P2P_CAPS_INDEX_UNKNOWN) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return put(p2p_of(s, second, what), status);
  });
}

}  // extern "C"
