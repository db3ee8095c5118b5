// SPDX-License-Identifier: Apache-2.0
#include "nvml/return_code.h"

#include <algorithm>
#include <array>

namespace mig::nvml {
namespace {

struct Row {
  nvmlReturn_t code;
  ErrorCode error;
  std::string_view name;
  std::string_view text;
  std::string_view hint;
};

constexpr std::string_view kRoot =
    "run it as root (sudo); reading instances and changing anything needs root or the driver's "
    "capability mig/config";
constexpr std::string_view kGone =
    "the instance may be gone, or the GPU does not know the profile: migctl list and migctl "
    "profiles "
    "show what is there";
constexpr std::string_view kLost =
    "the GPU fell off the bus: see dmesg for its Xid, then reset the GPU or reboot the machine";
constexpr std::string_view kLoad =
    "load the kernel module (modprobe nvidia) and see dmesg for what it says";

// Texts of nvmlErrorString in R580.
constexpr std::array kRows = {
    Row{NVML_SUCCESS, ErrorCode::kInternal, "NVML_SUCCESS", "Success", ""},
    Row{NVML_ERROR_UNINITIALIZED,
        ErrorCode::kInternal,
        "NVML_ERROR_UNINITIALIZED",
        "Uninitialized",
        ""},
    Row{NVML_ERROR_INVALID_ARGUMENT,
        ErrorCode::kDriver,
        "NVML_ERROR_INVALID_ARGUMENT",
        "Invalid Argument",
        kGone},
    Row{NVML_ERROR_NOT_SUPPORTED,
        ErrorCode::kNotSupported,
        "NVML_ERROR_NOT_SUPPORTED",
        "Not Supported",
        "the board, its mode or this driver cannot do it: migctl list shows whether MIG is "
        "supported and on"},
    Row{NVML_ERROR_NO_PERMISSION,
        ErrorCode::kPermission,
        "NVML_ERROR_NO_PERMISSION",
        "Insufficient Permissions",
        kRoot},
    Row{NVML_ERROR_ALREADY_INITIALIZED,
        ErrorCode::kInternal,
        "NVML_ERROR_ALREADY_INITIALIZED",
        "Already Initialized",
        ""},
    Row{NVML_ERROR_NOT_FOUND,
        ErrorCode::kNotFound,
        "NVML_ERROR_NOT_FOUND",
        "Not Found",
        "migctl list shows what is there"},
    Row{NVML_ERROR_INSUFFICIENT_SIZE,
        ErrorCode::kInternal,
        "NVML_ERROR_INSUFFICIENT_SIZE",
        "Insufficient Size",
        ""},
    Row{NVML_ERROR_INSUFFICIENT_POWER,
        ErrorCode::kDriver,
        "NVML_ERROR_INSUFFICIENT_POWER",
        "Insufficient External Power",
        "check the power cables of the board"},
    Row{NVML_ERROR_DRIVER_NOT_LOADED,
        ErrorCode::kNoDriver,
        "NVML_ERROR_DRIVER_NOT_LOADED",
        "Driver Not Loaded",
        kLoad},
    Row{NVML_ERROR_TIMEOUT,
        ErrorCode::kTimeout,
        "NVML_ERROR_TIMEOUT",
        "Timeout",
        "the driver is busy or hangs: try again, and see dmesg"},
    Row{NVML_ERROR_IRQ_ISSUE,
        ErrorCode::kDriver,
        "NVML_ERROR_IRQ_ISSUE",
        "Interrupt Request Issue",
        "see dmesg"},
    Row{NVML_ERROR_LIBRARY_NOT_FOUND,
        ErrorCode::kNoDriver,
        "NVML_ERROR_LIBRARY_NOT_FOUND",
        "NVML Shared Library Not Found",
        "install the driver's libnvidia-ml.so.1"},
    Row{NVML_ERROR_FUNCTION_NOT_FOUND,
        ErrorCode::kNotSupported,
        "NVML_ERROR_FUNCTION_NOT_FOUND",
        "Function Not Found",
        "the driver is too old for this; MIG needs R450 or newer, placements R470 or newer"},
    Row{NVML_ERROR_CORRUPTED_INFOROM,
        ErrorCode::kDriver,
        "NVML_ERROR_CORRUPTED_INFOROM",
        "Corrupted infoROM",
        ""},
    Row{NVML_ERROR_GPU_IS_LOST,
        ErrorCode::kDeviceLost,
        "NVML_ERROR_GPU_IS_LOST",
        "GPU is lost",
        kLost},
    Row{NVML_ERROR_RESET_REQUIRED,
        ErrorCode::kResetRequired,
        "NVML_ERROR_RESET_REQUIRED",
        "GPU requires reset",
        "reset the GPU (nvidia-smi --gpu-reset -i <index>) or reboot the machine"},
    Row{NVML_ERROR_OPERATING_SYSTEM,
        ErrorCode::kDriver,
        "NVML_ERROR_OPERATING_SYSTEM",
        "The operating system has blocked the request",
        "a cgroup, container or security module denies the device node"},
    Row{NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        ErrorCode::kNoDriver,
        "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
        "RM has detected an NVML/RM version mismatch.",
        "the library and the loaded kernel module are of different versions: reload the module or "
        "reboot"},
    Row{NVML_ERROR_IN_USE,
        ErrorCode::kInUse,
        "NVML_ERROR_IN_USE",
        "In use by another client",
        "end the processes that use it (migctl list shows them) and try again"},
    Row{NVML_ERROR_MEMORY, ErrorCode::kDriver, "NVML_ERROR_MEMORY", "Insufficient Memory", ""},
    Row{NVML_ERROR_NO_DATA, ErrorCode::kNotFound, "NVML_ERROR_NO_DATA", "No data", ""},
    Row{NVML_ERROR_VGPU_ECC_NOT_SUPPORTED,
        ErrorCode::kNotSupported,
        "NVML_ERROR_VGPU_ECC_NOT_SUPPORTED",
        "The requested vgpu operation is not available on target device, because ECC is enabled",
        ""},
    Row{NVML_ERROR_INSUFFICIENT_RESOURCES,
        ErrorCode::kNoCapacity,
        "NVML_ERROR_INSUFFICIENT_RESOURCES",
        "Insufficient Resources",
        "other instances hold the room: migctl list shows the slots, migctl placements the free "
        "places"},
    Row{NVML_ERROR_FREQ_NOT_SUPPORTED,
        ErrorCode::kNotSupported,
        "NVML_ERROR_FREQ_NOT_SUPPORTED",
        "Requested frequency is not supported",
        ""},
    Row{NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        ErrorCode::kDriver,
        "NVML_ERROR_ARGUMENT_VERSION_MISMATCH",
        "The provided version is invalid/unsupported",
        "the driver is older or newer than this program knows"},
    Row{NVML_ERROR_DEPRECATED,
        ErrorCode::kNotSupported,
        "NVML_ERROR_DEPRECATED",
        "The requested functionality has been deprecated",
        ""},
    Row{NVML_ERROR_NOT_READY,
        ErrorCode::kDriver,
        "NVML_ERROR_NOT_READY",
        "The system is not ready",
        "try again in a moment"},
    Row{NVML_ERROR_GPU_NOT_FOUND,
        ErrorCode::kNotFound,
        "NVML_ERROR_GPU_NOT_FOUND",
        "No GPUs found",
        ""},
    Row{NVML_ERROR_INVALID_STATE,
        ErrorCode::kDriver,
        "NVML_ERROR_INVALID_STATE",
        "Resource not in correct state to perform requested operation",
        ""},
    Row{NVML_ERROR_RESET_TYPE_NOT_SUPPORTED,
        ErrorCode::kNotSupported,
        "NVML_ERROR_RESET_TYPE_NOT_SUPPORTED",
        "Reset type not supported",
        "reboot the machine instead"},
    Row{NVML_ERROR_UNKNOWN, ErrorCode::kDriver, "NVML_ERROR_UNKNOWN", "Unknown Error", "see dmesg"},
};

const Row& row(nvmlReturn_t code) {
  const auto* found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.code == code; });
  return found != kRows.end() ? *found : kRows.back();
}

}  // namespace

std::string_view code_name(nvmlReturn_t code) {
  return row(code).name;
}

std::string_view code_text(nvmlReturn_t code) {
  return row(code).text;
}

ErrorCode error_code(nvmlReturn_t code) {
  return row(code).error;
}

Error error_from(nvmlReturn_t code, std::string tried) {
  const Row& r = row(code);
  std::string message = std::move(tried);
  message.append(": ").append(r.text).append(" (").append(r.name);
  if (r.code != code) {
    message.append(" ").append(std::to_string(static_cast<int>(code)));
  }
  message.append(")");
  return Error{r.error, std::move(message), std::string(r.hint), {}, static_cast<int>(code)};
}

}  // namespace mig::nvml
