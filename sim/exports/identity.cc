// SPDX-License-Identifier: Apache-2.0
// Identity of a device: names, numbers, versions.
#include <string>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Dense index of a MIG device among the MIG devices of its GPU.
std::uint32_t mig_index(const Subject& s) {
  std::uint32_t gi = 0;
  std::uint32_t ci = 0;
  std::uint32_t index = 0;
  while (mig_device_at(s.self(), index, gi, ci) && (gi != s.ref.gi || ci != s.ref.ci)) {
    ++index;
  }
  return index;
}

// H200 on bus 00 device 06 reports 0x6, boards on bus 01 report 0x100.
unsigned board_id(const GpuState& gpu) {
  return gpu.pci_domain << 16U | gpu.pci_bus << 8U | gpu.pci_device;
}

nvmlReturn_t attributes_of(const Subject& s, nvmlDeviceAttributes_t& out) {
  if (s.ci_profile().sm == kUnknown) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  const Engines& engines = s.gi_profile().engines;
  out = {static_cast<unsigned>(s.ci_profile().sm),
         engines.ce,
         engines.dec,
         engines.enc,
         engines.jpeg,
         engines.ofa,
         s.gi_profile().slices,
         s.ci_profile().slices,
         s.gi_profile().memory_mib};
  return NVML_SUCCESS;
}

// Only MIG devices have attributes (H200 with MIG off: NOT_SUPPORTED).
template <class Out>
nvmlReturn_t give_attributes(const char* function, nvmlDevice_t device, Out* attributes) {
  return read_device(function, device, [&](const Subject& s) {
    if (attributes == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!s.is_mig()) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    nvmlDeviceAttributes_t all{};
    const nvmlReturn_t code = attributes_of(s, all);
    if (code == NVML_SUCCESS) {
      std::memcpy(attributes, &all, sizeof(Out));  // the v2 struct begins with the fields of v1
    }
    return code;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char* name, unsigned size) {
  return read_device(__func__, device, [&](const Subject& s) {
    const std::string gpu = s.board().name;
    return put_text(s.is_mig() ? gpu + " " + s.ci_profile().name : gpu, name, size);
  });
}

nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t device, nvmlBrandType_t* brand) {
  return read_device(
      __func__, device, [&](const Subject& s) { return put_figure(s.board().brand, brand); });
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned* index) {
  return read_device(__func__, device, [&](const Subject& s) {
    return put(s.is_mig() ? mig_index(s) : s.ref.gpu, index);
  });
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char* uuid, unsigned size) {
  return read_device(__func__, device, [&](const Subject& s) {
    return put_text(s.is_mig() ? s.ci().uuid : s.self().uuid, uuid, size);
  });
}

nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char* serial, unsigned size) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_text(s.self().serial_number, serial, size);
  });
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned* minor) {
  return read_gpu(__func__, device, [&](const Subject& s) { return put(s.self().minor, minor); });
}

nvmlReturn_t nvmlDeviceGetModuleId(nvmlDevice_t device, unsigned* id) {
  return read_gpu(__func__, device, [&](const Subject& s) { return put(s.self().module_id, id); });
}

nvmlReturn_t nvmlDeviceGetBoardId(nvmlDevice_t device, unsigned* id) {
  return read_gpu(__func__, device, [&](const Subject& s) { return put(board_id(s.self()), id); });
}

nvmlReturn_t nvmlDeviceGetMultiGpuBoard(nvmlDevice_t device, unsigned* is_multi) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(0U, is_multi); });
}

nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t one, nvmlDevice_t other, int* same) {
  const DeviceRef* second = devices().find(other);
  return read_gpu(__func__, one, [&](const Subject& s) {
    if (second == nullptr || second->is_mig()) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return put(second->gpu == s.ref.gpu ? 1 : 0, same);
  });
}

nvmlReturn_t nvmlDeviceGetBoardPartNumber(nvmlDevice_t device, char* number, unsigned size) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_text(s.board().part_number, number, size);
  });
}

nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t device, char* version, unsigned size) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put_text(s.board().vbios, version, size); });
}

// From Hopper on a GPU always uses its GSP, with the driver's own firmware (H200: the driver's
// version). The answer of Ampere boards is not known.
nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char* version) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return s.board().architecture == Architecture::kAmpere
               ? NVML_ERROR_NOT_SUPPORTED
               : put_text(
                     s.state().options.driver_version, version, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE);
  });
}

nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device,
                                          unsigned* is_enabled,
                                          unsigned* by_default) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (is_enabled == nullptr || by_default == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (s.board().architecture == Architecture::kAmpere) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *is_enabled = 1;
    return put(1U, by_default);
  });
}

nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, nvmlDeviceArchitecture_t* arch) {
  return read_device(
      __func__, device, [&](const Subject& s) { return put(s.board().architecture, arch); });
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int* major, int* minor) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (major == nullptr || minor == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *major = static_cast<int>(s.board().cc_major);
    return put(s.board().cc_minor, minor);
  });
}

nvmlReturn_t nvmlDeviceGetNumGpuCores(nvmlDevice_t device, unsigned* cores) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put_figure(s.board().cores, cores); });
}

nvmlReturn_t nvmlDeviceGetMemoryBusWidth(nvmlDevice_t device, unsigned* bits) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_figure(s.board().memory_bus_bits, bits);
  });
}

nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_v1_t* attributes) {
  return give_attributes(__func__, device, attributes);
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t* attributes) {
  return give_attributes(__func__, device, attributes);
}

nvmlReturn_t nvmlDeviceGetAddressingMode(nvmlDevice_t device, nvmlDeviceAddressingMode_v1_t* mode) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (mode == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (mode->version != nvmlDeviceAddressingMode_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return put(NVML_DEVICE_ADDRESSING_MODE_NONE, &mode->value);
  });
}

nvmlReturn_t nvmlDeviceGetVirtualizationMode(nvmlDevice_t device,
                                             nvmlGpuVirtualizationMode_t* mode) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put(s.state().options.vm_passthrough != 0 ? NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH
                                                     : NVML_GPU_VIRTUALIZATION_MODE_NONE,
               mode);
  });
}

}  // extern "C"
