// SPDX-License-Identifier: Apache-2.0
// Init, shutdown, error texts, and the export table that leads to the simulator's control table.
#include <cstring>

#include "abi/simulated.h"
#include "sim/exports/control.h"
#include "sim/exports/dispatch.h"

using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Opens the library; a fault that was injected for `function` hits it as any call.
nvmlReturn_t start(const char* function, bool attach = true) {
  nvmlReturn_t code = acquire_library(attach);
  const std::shared_ptr<migsim::Machine> machine = current_machine();
  if (code == NVML_SUCCESS && machine) {
    code = static_cast<nvmlReturn_t>(migsim::faults_of(*machine, function));
    if (code != NVML_SUCCESS) {
      release_library();
    }
  }
  return code;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlInit() {
  return start(__func__);
}

nvmlReturn_t nvmlInit_v2() {
  return start(__func__);
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
  const unsigned known = NVML_INIT_FLAG_NO_GPUS | NVML_INIT_FLAG_NO_ATTACH;
  return (flags & ~known) != 0 ? NVML_ERROR_INVALID_ARGUMENT
                               : start(__func__, (flags & NVML_INIT_FLAG_NO_ATTACH) == 0);
}

nvmlReturn_t nvmlShutdown() {
  return release_library();
}

// Texts as nvidia-smi and logs of NVML programs print them.
const char* nvmlErrorString(nvmlReturn_t result) {
  switch (result) {
    case NVML_SUCCESS:
      return "Success";
    case NVML_ERROR_UNINITIALIZED:
      return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT:
      return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED:
      return "Not Supported";
    case NVML_ERROR_NO_PERMISSION:
      return "Insufficient Permissions";
    case NVML_ERROR_ALREADY_INITIALIZED:
      return "Already Initialized";
    case NVML_ERROR_NOT_FOUND:
      return "Not Found";
    case NVML_ERROR_INSUFFICIENT_SIZE:
      return "Insufficient Size";
    case NVML_ERROR_INSUFFICIENT_POWER:
      return "Insufficient External Power";
    case NVML_ERROR_DRIVER_NOT_LOADED:
      return "Driver Not Loaded";
    case NVML_ERROR_TIMEOUT:
      return "Timeout";
    case NVML_ERROR_IRQ_ISSUE:
      return "Interrupt Request Issue";
    case NVML_ERROR_LIBRARY_NOT_FOUND:
      return "NVML Shared Library Not Found";
    case NVML_ERROR_FUNCTION_NOT_FOUND:
      return "Function Not Found";
    case NVML_ERROR_CORRUPTED_INFOROM:
      return "Corrupted infoROM";
    case NVML_ERROR_GPU_IS_LOST:
      return "GPU is lost";
    case NVML_ERROR_RESET_REQUIRED:
      return "GPU requires reset";
    case NVML_ERROR_OPERATING_SYSTEM:
      return "GPU access blocked by the operating system";
    case NVML_ERROR_LIB_RM_VERSION_MISMATCH:
      return "Driver/library version mismatch";
    case NVML_ERROR_IN_USE:
      return "In use by another client";
    case NVML_ERROR_MEMORY:
      return "Insufficient Memory";
    case NVML_ERROR_NO_DATA:
      return "No data";
    case NVML_ERROR_VGPU_ECC_NOT_SUPPORTED:
      return "The requested vgpu operation is not available because ECC is enabled";
    case NVML_ERROR_INSUFFICIENT_RESOURCES:
      return "Insufficient Resources";
    case NVML_ERROR_FREQ_NOT_SUPPORTED:
      return "Frequency Not Supported";
    case NVML_ERROR_ARGUMENT_VERSION_MISMATCH:
      return "Argument version mismatch";
    case NVML_ERROR_DEPRECATED:
      return "Requested functionality has been deprecated";
    case NVML_ERROR_NOT_READY:
      return "Not Ready";
    case NVML_ERROR_GPU_NOT_FOUND:
      return "GPU Not Found";
    case NVML_ERROR_INVALID_STATE:
      return "Invalid State";
    case NVML_ERROR_RESET_TYPE_NOT_SUPPORTED:
      return "Reset Type Not Supported";
    case NVML_ERROR_UNKNOWN:
      break;
  }
  return "Unknown Error";
}

// A real driver knows only NVIDIA's own export tables and refuses the simulator's id; the simulator
// knows only that id.
nvmlReturn_t nvmlInternalGetExportTable(const void** table, const void* guid) {
  static constexpr unsigned char kOurs[16] = MIGSIM_CONTROL_GUID;
  if (table == nullptr || guid == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  *table = nullptr;
  if (std::memcmp(guid, kOurs, sizeof(kOurs)) != 0) {
    return NVML_ERROR_NOT_FOUND;
  }
  return call(__func__, [&](migsim::Machine& machine) {
    *table = control_table(machine);
    return NVML_SUCCESS;
  });
}

}  // extern "C"
