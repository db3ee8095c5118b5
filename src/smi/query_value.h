// SPDX-License-Identifier: Apache-2.0
// Readers of single properties: each is a function pointer generated from its NVML call, so the
// table of properties (query_fields.cc) is data.
#ifndef MIGCTL_SMI_QUERY_VALUE_H_
#define MIGCTL_SMI_QUERY_VALUE_H_

#include <string>

#include "smi/run.h"
#include "smi/text.h"

namespace mig::smi {

struct FieldValue {
  nvmlReturn_t code = NVML_SUCCESS;
  std::string text;  // valid only if code is NVML_SUCCESS
};

using FieldReader = FieldValue (*)(const Run&, const Gpu&);

struct QueryField {
  const char* name;
  const char* alias;  // nullptr = none
  const char* unit;   // "" = none
  FieldReader read;
};

// nvidia-smi's text in place of an unavailable value: "[N/A]", "[GPU is lost]".
std::string missing_text(const Run& run, nvmlReturn_t code);

inline FieldValue absent(const Run&, const Gpu&) {
  return {NVML_ERROR_NOT_SUPPORTED, ""};
}

inline FieldValue deprecated(const Run&, const Gpu&) {
  return {NVML_ERROR_DEPRECATED, ""};
}

template <auto kCall>
FieldValue string_of(const Run& run, const Gpu& gpu) {
  FieldValue value;
  value.text = ask_text(run.nvml.*kCall, gpu.device, &value.code);
  return value;
}

template <auto kCall>
FieldValue unsigned_of(const Run& run, const Gpu& gpu) {
  unsigned number = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &number);
  return {code, std::to_string(number)};
}

template <auto kCall>
FieldValue watts_of(const Run& run, const Gpu& gpu) {
  unsigned milliwatts = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &milliwatts);
  return {code, text("%.2f", milliwatts / 1000.0)};
}

template <auto kCall>
FieldValue enabled_of(const Run& run, const Gpu& gpu) {
  nvmlEnableState_t state = NVML_FEATURE_DISABLED;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &state);
  return {code, state == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled"};
}

// Reader for calls with an enum between device and result: clocks.
template <auto kCall, auto kWhich>
FieldValue which_of(const Run& run, const Gpu& gpu) {
  unsigned number = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, kWhich, &number);
  return {code, std::to_string(number)};
}

// Reader for calls that return (current, pending).
template <auto kCall, bool kPending>
FieldValue pair_of(const Run& run, const Gpu& gpu) {
  nvmlEnableState_t current = NVML_FEATURE_DISABLED;
  nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &current, &pending);
  return {code, (kPending ? pending : current) == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled"};
}

template <auto kMember>
FieldValue memory_of(const Run& run, const Gpu& gpu) {
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMemoryInfo_v2(gpu.device, &memory);
  return {code, text("%llu", mib(memory.*kMember))};
}

// Reader for confidential computing's memory.
template <auto kMember>
FieldValue protected_of(const Run& run, const Gpu& gpu) {
  nvmlMemory_t memory{};
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetConfComputeProtectedMemoryUsage(gpu.device, &memory);
  return {code, text("%llu", mib(memory.*kMember))};
}

// Reads a field value as a number; signed and floating types keep their sign.
nvmlReturn_t field_number(
    const Run& run, nvmlDevice_t device, unsigned id, unsigned scope, double* number);

template <unsigned kId>
FieldValue field_of(const Run& run, const Gpu& gpu) {
  double number = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, kId, 0, &number);
  return {code, text("%.0f", number)};
}

template <unsigned kId, unsigned kScope>
FieldValue field_watts_of(const Run& run, const Gpu& gpu) {
  double milliwatts = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, kId, kScope, &milliwatts);
  return {code, text("%.2f", milliwatts / 1000.0)};
}

template <auto kType, auto kCounter, auto kWhere>
FieldValue ecc_of(const Run& run, const Gpu& gpu) {
  unsigned long long count = 0;
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetMemoryErrorCounter(gpu.device, kType, kCounter, kWhere, &count);
  return {code, text("%llu", count)};
}

template <auto kType, auto kCounter>
FieldValue ecc_total_of(const Run& run, const Gpu& gpu) {
  unsigned long long count = 0;
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetTotalEccErrors(gpu.device, kType, kCounter, &count);
  return {code, text("%llu", count)};
}

template <auto kMember>
FieldValue sram_of(const Run& run, const Gpu& gpu) {
  nvmlEccSramErrorStatus_v1_t status{};
  status.version = nvmlEccSramErrorStatus_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetSramEccErrorStatus(gpu.device, &status);
  return {code, text("%llu", static_cast<unsigned long long>(status.*kMember))};
}

// Readers of more than one line: query_readers.cc.
FieldValue read_timestamp(const Run& run, const Gpu& gpu);
FieldValue read_driver_version(const Run& run, const Gpu& gpu);
FieldValue read_count(const Run& run, const Gpu& gpu);
FieldValue read_index(const Run& run, const Gpu& gpu);
FieldValue read_bus_id(const Run& run, const Gpu& gpu);
FieldValue read_pci_domain(const Run& run, const Gpu& gpu);
FieldValue read_pci_bus(const Run& run, const Gpu& gpu);
FieldValue read_pci_device(const Run& run, const Gpu& gpu);
FieldValue read_pci_device_id(const Run& run, const Gpu& gpu);
FieldValue read_pci_sub_device_id(const Run& run, const Gpu& gpu);
FieldValue read_pci_base_class(const Run& run, const Gpu& gpu);
FieldValue read_pci_sub_class(const Run& run, const Gpu& gpu);
FieldValue read_display_attached(const Run& run, const Gpu& gpu);
FieldValue read_addressing_mode(const Run& run, const Gpu& gpu);
FieldValue read_inforom_oem(const Run& run, const Gpu& gpu);
FieldValue read_inforom_ecc(const Run& run, const Gpu& gpu);
FieldValue read_inforom_power(const Run& run, const Gpu& gpu);
FieldValue read_inforom_checksum(const Run& run, const Gpu& gpu);
FieldValue read_recovery_action(const Run& run, const Gpu& gpu);
FieldValue read_pstate(const Run& run, const Gpu& gpu);
FieldValue read_compute_mode(const Run& run, const Gpu& gpu);
FieldValue read_compute_cap(const Run& run, const Gpu& gpu);
FieldValue read_utilization_gpu(const Run& run, const Gpu& gpu);
FieldValue read_utilization_memory(const Run& run, const Gpu& gpu);
FieldValue read_temperature(const Run& run, const Gpu& gpu);
FieldValue read_temperature_margin(const Run& run, const Gpu& gpu);
FieldValue read_power_min(const Run& run, const Gpu& gpu);
FieldValue read_power_max(const Run& run, const Gpu& gpu);
FieldValue read_mig_current(const Run& run, const Gpu& gpu);
FieldValue read_mig_pending(const Run& run, const Gpu& gpu);
FieldValue read_gsp_current(const Run& run, const Gpu& gpu);
FieldValue read_gsp_default(const Run& run, const Gpu& gpu);
FieldValue read_c2c(const Run& run, const Gpu& gpu);
FieldValue read_threshold_exceeded(const Run& run, const Gpu& gpu);
FieldValue read_fabric_state(const Run& run, const Gpu& gpu);
FieldValue read_fabric_status(const Run& run, const Gpu& gpu);
FieldValue read_fabric_clique(const Run& run, const Gpu& gpu);
FieldValue read_fabric_cluster(const Run& run, const Gpu& gpu);

// Without a fabric CSV prints N/A without its usual brackets.
template <auto kRead>
FieldValue csv_fabric_of(const Run& run, const Gpu& gpu) {
  FieldValue value = kRead(run, gpu);
  if (value.code == NVML_ERROR_NOT_SUPPORTED) {
    value = {NVML_SUCCESS, "N/A"};
  }
  return value;
}

template <auto kCall>
FieldValue engine_of(const Run& run, const Gpu& gpu) {
  unsigned percent = 0;
  unsigned period_us = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &percent, &period_us);
  return {code, std::to_string(percent)};
}

// kWhich: 0 sessions, 1 frames per second, 2 latency.
template <unsigned kWhich>
FieldValue encoder_of(const Run& run, const Gpu& gpu) {
  unsigned stats[3] = {};
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetEncoderStats(gpu.device, &stats[0], &stats[1], &stats[2]);
  return {code, std::to_string(stats[kWhich])};
}

// kWhich: 0 corrected, 1 uncorrected, 2 pending, 3 failed.
template <unsigned kWhich>
FieldValue remapped_of(const Run& run, const Gpu& gpu) {
  unsigned rows[4] = {};
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetRemappedRows(gpu.device, &rows[0], &rows[1], &rows[2], &rows[3]);
  if (kWhich >= 2) {
    return {code, rows[kWhich] != 0 ? "Yes" : "No"};
  }
  return {code, std::to_string(rows[kWhich])};
}

template <auto kMember>
FieldValue histogram_of(const Run& run, const Gpu& gpu) {
  nvmlRowRemapperHistogramValues_t values{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetRowRemapperHistogram(gpu.device, &values);
  return {code, std::to_string(values.*kMember)};
}

template <auto kCause>
FieldValue retired_of(const Run& run, const Gpu& gpu) {
  unsigned count = 0;
  nvmlReturn_t code = run.nvml.nvmlDeviceGetRetiredPages(gpu.device, kCause, &count, nullptr);
  if (code == NVML_ERROR_INSUFFICIENT_SIZE) {
    code = NVML_SUCCESS;
  }
  return {code, std::to_string(count)};
}

template <unsigned long long kReason>
FieldValue reason_of(const Run& run, const Gpu& gpu) {
  unsigned long long mask = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu.device, &mask);
  return {code, (mask & kReason) != 0 ? "Active" : "Not Active"};
}

template <auto kCall>
FieldValue mask_of(const Run& run, const Gpu& gpu) {
  unsigned long long mask = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &mask);
  return {code, text("0x%016llX", mask)};
}

// Converts the driver's nanoseconds to microseconds.
template <unsigned kId>
FieldValue lost_time_of(const Run& run, const Gpu& gpu) {
  double nanoseconds = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, kId, 0, &nanoseconds);
  return {code, text("%.0f", nanoseconds / 1000.0)};
}

}  // namespace mig::smi

#endif  // MIGCTL_SMI_QUERY_VALUE_H_
