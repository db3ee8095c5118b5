// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <ctime>

#include "smi/mig_walk.h"
#include "smi/query_value.h"

namespace mig::smi {
namespace {

FieldValue pci(const Run& run, const Gpu& gpu, std::string (*pick)(const nvmlPciInfo_t&)) {
  nvmlPciInfo_t info{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetPciInfo_v3(gpu.device, &info);
  return {code, pick(info)};
}

FieldValue pci_class(const Run& run, const Gpu& gpu, bool base) {
  nvmlPciInfoExt_v1_t info{};
  info.version = nvmlPciInfoExt_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetPciInfoExt(gpu.device, &info);
  return {code, text("0x%X", base ? info.baseClass : info.subClass)};
}

FieldValue inforom(const Run& run, const Gpu& gpu, nvmlInforomObject_t object) {
  std::array<char, NVML_DEVICE_INFOROM_VERSION_BUFFER_SIZE> version{};
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetInforomVersion(gpu.device, object, version.data(), version.size());
  return {code, version.data()};
}

FieldValue utilization(const Run& run, const Gpu& gpu, bool memory) {
  nvmlUtilization_t rates{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetUtilizationRates(gpu.device, &rates);
  return {code, std::to_string(memory ? rates.memory : rates.gpu)};
}

FieldValue power_limit(const Run& run, const Gpu& gpu, bool max) {
  unsigned min_mw = 0;
  unsigned max_mw = 0;
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetPowerManagementLimitConstraints(gpu.device, &min_mw, &max_mw);
  return {code, text("%.2f", (max ? max_mw : min_mw) / 1000.0)};
}

FieldValue mig(const Run& run, const Gpu& gpu, bool pending) {
  unsigned current = 0;
  unsigned after_reset = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMigMode(gpu.device, &current, &after_reset);
  const unsigned mode = pending ? after_reset : current;
  return {code, mode == NVML_DEVICE_MIG_ENABLE ? "Enabled" : "Disabled"};
}

FieldValue gsp(const Run& run, const Gpu& gpu, bool by_default) {
  unsigned now = 0;
  unsigned otherwise = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetGspFirmwareMode(gpu.device, &now, &otherwise);
  return {code, (by_default ? otherwise : now) != 0 ? "Enabled" : "Disabled"};
}

}  // namespace

std::string missing_text(const Run& run, nvmlReturn_t code) {
  switch (code) {
    case NVML_ERROR_NOT_SUPPORTED:
    case NVML_ERROR_FUNCTION_NOT_FOUND:
    case NVML_ERROR_NO_DATA:
      return "[N/A]";
    case NVML_ERROR_DEPRECATED:
      return "[Requested functionality has been deprecated]";
    default:
      return "[" + run.why(code) + "]";
  }
}

nvmlReturn_t field_number(
    const Run& run, nvmlDevice_t device, unsigned id, unsigned scope, double* number) {
  nvmlFieldValue_t field{};
  field.fieldId = id;
  field.scopeId = scope;
  if (const nvmlReturn_t code = run.nvml.nvmlDeviceGetFieldValues(device, 1, &field);
      code != NVML_SUCCESS) {
    return code;
  }
  switch (field.valueType) {
    case NVML_VALUE_TYPE_DOUBLE:
      *number = field.value.dVal;
      break;
    case NVML_VALUE_TYPE_UNSIGNED_INT:
      *number = field.value.uiVal;
      break;
    case NVML_VALUE_TYPE_UNSIGNED_LONG:
      *number = static_cast<double>(field.value.ulVal);
      break;
    case NVML_VALUE_TYPE_SIGNED_LONG_LONG:
      *number = static_cast<double>(field.value.sllVal);
      break;
    case NVML_VALUE_TYPE_SIGNED_INT:
      *number = field.value.siVal;
      break;
    case NVML_VALUE_TYPE_UNSIGNED_SHORT:
      *number = field.value.usVal;
      break;
    default:
      *number = static_cast<double>(field.value.ullVal);
  }
  // For an unknown field id, as for a reading that the board lacks.
  return field.nvmlReturn == NVML_ERROR_INVALID_ARGUMENT ? NVML_ERROR_NOT_SUPPORTED
                                                         : field.nvmlReturn;
}

FieldValue read_timestamp(const Run&, const Gpu&) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> buffer{};
  std::strftime(buffer.data(), buffer.size(), "%Y/%m/%d %H:%M:%S", &local);
  return {NVML_SUCCESS, text("%s.%03d", buffer.data(), static_cast<int>(ms))};
}

FieldValue read_driver_version(const Run& run, const Gpu&) {
  const std::string& version = run.session.driver_version();
  return {version.empty() ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS, version};
}

FieldValue read_count(const Run& run, const Gpu&) {
  unsigned count = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetCount_v2(&count);
  return {code, std::to_string(count)};
}

FieldValue read_index(const Run&, const Gpu& gpu) {
  return {NVML_SUCCESS, std::to_string(gpu.index)};
}

FieldValue read_bus_id(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return std::string(p.busId); });
}

FieldValue read_pci_domain(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return text("0x%04X", p.domain); });
}

FieldValue read_pci_bus(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return text("0x%02X", p.bus); });
}

FieldValue read_pci_device(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return text("0x%02X", p.device); });
}

FieldValue read_pci_device_id(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return text("0x%08X", p.pciDeviceId); });
}

FieldValue read_pci_sub_device_id(const Run& run, const Gpu& gpu) {
  return pci(run, gpu, [](const nvmlPciInfo_t& p) { return text("0x%08X", p.pciSubSystemId); });
}

FieldValue read_pci_base_class(const Run& run, const Gpu& gpu) {
  return pci_class(run, gpu, true);
}

FieldValue read_pci_sub_class(const Run& run, const Gpu& gpu) {
  return pci_class(run, gpu, false);
}

FieldValue read_display_attached(const Run& run, const Gpu& gpu) {
  nvmlEnableState_t attached = NVML_FEATURE_DISABLED;
  nvmlReturn_t code = run.nvml.nvmlDeviceGetDisplayMode(gpu.device, &attached);
  if (code == NVML_ERROR_DEPRECATED) {  // R580 deprecates the call; the property still exists
    code = NVML_ERROR_NOT_SUPPORTED;
  }
  return {code, attached == NVML_FEATURE_ENABLED ? "Yes" : "No"};
}

FieldValue read_addressing_mode(const Run& run, const Gpu& gpu) {
  nvmlDeviceAddressingMode_v1_t mode{};
  mode.version = nvmlDeviceAddressingMode_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetAddressingMode(gpu.device, &mode);
  if (mode.value == NVML_DEVICE_ADDRESSING_MODE_HMM) {
    return {code, "HMM"};
  }
  return {code, mode.value == NVML_DEVICE_ADDRESSING_MODE_ATS ? "ATS" : "None"};
}

FieldValue read_inforom_oem(const Run& run, const Gpu& gpu) {
  return inforom(run, gpu, NVML_INFOROM_OEM);
}

FieldValue read_inforom_ecc(const Run& run, const Gpu& gpu) {
  return inforom(run, gpu, NVML_INFOROM_ECC);
}

FieldValue read_inforom_power(const Run& run, const Gpu& gpu) {
  return inforom(run, gpu, NVML_INFOROM_POWER);
}

FieldValue read_inforom_checksum(const Run& run, const Gpu& gpu) {
  const nvmlReturn_t code = run.nvml.nvmlDeviceValidateInforom(gpu.device);
  if (code == NVML_ERROR_CORRUPTED_INFOROM) {
    return {NVML_SUCCESS, "invalid"};
  }
  return {code, "valid"};
}

FieldValue read_recovery_action(const Run& run, const Gpu& gpu) {
  static constexpr std::array kWords = {"None", "Reset", "Reboot", "Drain P2P", "Drain and Reset"};
  double action = 0;
  const nvmlReturn_t code =
      field_number(run, gpu.device, NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, 0, &action);
  const auto index = static_cast<std::size_t>(action);
  return {code, index < kWords.size() ? kWords[index] : text("%zu", index)};
}

FieldValue read_pstate(const Run& run, const Gpu& gpu) {
  nvmlPstates_t state = NVML_PSTATE_UNKNOWN;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetPerformanceState(gpu.device, &state);
  if (state == NVML_PSTATE_UNKNOWN) {
    return {code == NVML_SUCCESS ? NVML_ERROR_NOT_SUPPORTED : code, ""};
  }
  return {code, text("P%u", static_cast<unsigned>(state))};
}

FieldValue read_compute_mode(const Run& run, const Gpu& gpu) {
  static constexpr std::array kWords = {
      "Default", "Exclusive_Thread", "Prohibited", "Exclusive_Process"};
  nvmlComputeMode_t mode = NVML_COMPUTEMODE_DEFAULT;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetComputeMode(gpu.device, &mode);
  return {code, static_cast<std::size_t>(mode) < kWords.size() ? kWords[mode] : "Unknown"};
}

FieldValue read_compute_cap(const Run& run, const Gpu& gpu) {
  int major = 0;
  int minor = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetCudaComputeCapability(gpu.device, &major, &minor);
  return {code, text("%d.%d", major, minor)};
}

FieldValue read_utilization_gpu(const Run& run, const Gpu& gpu) {
  return utilization(run, gpu, false);
}

FieldValue read_utilization_memory(const Run& run, const Gpu& gpu) {
  return utilization(run, gpu, true);
}

FieldValue read_temperature(const Run& run, const Gpu& gpu) {
  unsigned celsius = 0;
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetTemperature(gpu.device, NVML_TEMPERATURE_GPU, &celsius);
  return {code, std::to_string(celsius)};
}

FieldValue read_temperature_margin(const Run& run, const Gpu& gpu) {
  nvmlMarginTemperature_v1_t margin{};
  margin.version = nvmlMarginTemperature_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMarginTemperature(gpu.device, &margin);
  return {code, std::to_string(margin.marginTemperature)};
}

FieldValue read_power_min(const Run& run, const Gpu& gpu) {
  return power_limit(run, gpu, false);
}

FieldValue read_power_max(const Run& run, const Gpu& gpu) {
  return power_limit(run, gpu, true);
}

FieldValue read_mig_current(const Run& run, const Gpu& gpu) {
  return mig(run, gpu, false);
}

FieldValue read_mig_pending(const Run& run, const Gpu& gpu) {
  return mig(run, gpu, true);
}

FieldValue read_gsp_current(const Run& run, const Gpu& gpu) {
  return gsp(run, gpu, false);
}

FieldValue read_gsp_default(const Run& run, const Gpu& gpu) {
  return gsp(run, gpu, true);
}

FieldValue read_c2c(const Run& run, const Gpu& gpu) {
  nvmlC2cModeInfo_v1_t info{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetC2cModeInfoV(gpu.device, &info);
  return {code, info.isC2cEnabled != 0 ? "Enabled" : "Disabled"};
}

FieldValue read_threshold_exceeded(const Run& run, const Gpu& gpu) {
  nvmlEccSramErrorStatus_v1_t status{};
  status.version = nvmlEccSramErrorStatus_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetSramEccErrorStatus(gpu.device, &status);
  return {code, status.bThresholdExceeded != 0 ? "Yes" : "No"};
}

}  // namespace mig::smi
