// SPDX-License-Identifier: Apache-2.0
// Confidential computing: off, on boards that support it (Hopper and later), as a machine with
// H200s reports it (580.159.04); and drain states, which are never set.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

constexpr unsigned long long kAttackerAdvantage = 60;  // H200: keys are rotated at 2^-60

bool any_capable(const Hardware& hardware) {
  for (std::uint32_t board = 0; board < hardware.board_count; ++board) {
    if (hardware.boards[board].architecture != Architecture::kAmpere) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlSystemGetConfComputeState(nvmlConfComputeSystemState_t* state) {
  return call(__func__, [&](Machine&) {
    return put(nvmlConfComputeSystemState_t{NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE,
                                            NVML_CC_SYSTEM_FEATURE_DISABLED,
                                            NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF},
               state);
  });
}

nvmlReturn_t nvmlSystemGetConfComputeCapabilities(nvmlConfComputeSystemCaps_t* caps) {
  return call(__func__, [&](Machine& machine) {
    const unsigned gpus = any_capable(machine.hardware()) ? NVML_CC_SYSTEM_GPUS_CC_CAPABLE
                                                          : NVML_CC_SYSTEM_GPUS_CC_NOT_CAPABLE;
    return put(nvmlConfComputeSystemCaps_t{NVML_CC_SYSTEM_CPU_CAPS_NONE, gpus}, caps);
  });
}

nvmlReturn_t nvmlSystemGetConfComputeGpusReadyState(unsigned* accepting) {
  return call(__func__,
              [&](Machine&) { return put(NVML_CC_ACCEPTING_CLIENT_REQUESTS_FALSE, accepting); });
}

nvmlReturn_t nvmlSystemGetConfComputeSettings(nvmlSystemConfComputeSettings_v1_t* settings) {
  return call(__func__, [&](Machine&) {
    if (settings == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (settings->version != nvmlSystemConfComputeSettings_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    settings->environment = NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE;
    settings->ccFeature = NVML_CC_SYSTEM_FEATURE_DISABLED;
    settings->devToolsMode = NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF;
    return put(NVML_CC_SYSTEM_MULTIGPU_NONE, &settings->multiGpuMode);
  });
}

nvmlReturn_t nvmlSystemGetConfComputeKeyRotationThresholdInfo(
    nvmlConfComputeGetKeyRotationThresholdInfo_v1_t* info) {
  return call(__func__, [&](Machine& machine) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (info->version != nvmlConfComputeGetKeyRotationThresholdInfo_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return any_capable(machine.hardware()) ? put(kAttackerAdvantage, &info->attackerAdvantage)
                                           : NVML_ERROR_NOT_SUPPORTED;
  });
}

nvmlReturn_t nvmlDeviceGetConfComputeMemSizeInfo(nvmlDevice_t device,
                                                 nvmlConfComputeMemSizeInfo_t* size) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (s.board().architecture == Architecture::kAmpere ||
        s.board().memory_total_bytes == kUnknown || s.board().memory_reserved_bytes == kUnknown) {
      return size == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    }
    const auto open = static_cast<unsigned long long>(s.board().memory_total_bytes -
                                                      s.board().memory_reserved_bytes);
    return put(nvmlConfComputeMemSizeInfo_t{0, open / 1024}, size);
  });
}

nvmlReturn_t nvmlDeviceQueryDrainState(nvmlPciInfo_t* pci, nvmlEnableState_t* draining) {
  return call(__func__, [&](Machine& machine) {
    if (pci == nullptr || draining == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const Machine::View view(machine);
    for (std::uint32_t gpu = 0; gpu < machine.hardware().gpu_count; ++gpu) {
      const GpuState& state = view->gpus[gpu];
      if (state.pci_domain == pci->domain && state.pci_bus == pci->bus &&
          state.pci_device == pci->device) {
        return put(NVML_FEATURE_DISABLED, draining);
      }
    }
    return NVML_ERROR_INVALID_ARGUMENT;
  });
}

}  // extern "C"
