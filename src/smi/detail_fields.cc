// SPDX-License-Identifier: Apache-2.0
// Properties that only `nvidia-smi -q` shows, as text or as XML.
#include <array>

#include "smi/detail.h"

namespace mig::smi {
namespace {

template <auto kMember>
FieldValue bar1_of(const Run& run, const Gpu& gpu) {
  nvmlBAR1Memory_t memory{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetBAR1MemoryInfo(gpu.device, &memory);
  return {code, text("%llu", mib(memory.*kMember))};
}

// Used BAR1 is rounded down: with free rounded up, both add up to the total.
FieldValue read_bar1_used(const Run& run, const Gpu& gpu) {
  nvmlBAR1Memory_t memory{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetBAR1MemoryInfo(gpu.device, &memory);
  return {code, text("%llu", memory.bar1Used >> 20U)};
}

template <auto kMember>
FieldValue fbc_of(const Run& run, const Gpu& gpu) {
  nvmlFBCStats_t stats{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetFBCStats(gpu.device, &stats);
  return {code, std::to_string(stats.*kMember)};
}

template <auto kMember>
FieldValue repair_of(const Run& run, const Gpu& gpu) {
  nvmlRepairStatus_v1_t status{};
  status.version = nvmlRepairStatus_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetRepairStatus(gpu.device, &status);
  return {code, status.*kMember != 0 ? "Yes" : "No"};
}

template <auto kCall>
FieldValue lanes_of(const Run& run, const Gpu& gpu) {
  FieldValue value = unsigned_of<kCall>(run, gpu);
  value.text += "x";
  return value;
}

template <std::size_t kSize>
FieldValue word(nvmlReturn_t code, const std::array<const char*, kSize>& words, std::size_t index) {
  if (code == NVML_SUCCESS && (index >= kSize || words.at(index) == nullptr)) {
    return {code, "Unknown"};
  }
  return {code, code == NVML_SUCCESS ? words.at(index) : ""};
}

FieldValue read_brand(const Run& run, const Gpu& gpu) {
  static constexpr std::array<const char*, NVML_BRAND_TITAN_RTX + 1> kWords = {
      "Unknown",
      "Quadro",
      "Tesla",
      "NVS",
      "Grid",
      "GeForce",
      "Titan",
      "NVIDIA Virtual Applications",
      "NVIDIA Virtual PC",
      "NVIDIA Virtual Compute Server",
      "NVIDIA RTX Virtual Workstation",
      "NVIDIA Cloud Gaming",
      "Quadro RTX",
      "NVIDIA RTX",
      "NVIDIA",
      "GeForce RTX",
      "Titan RTX"};
  nvmlBrandType_t brand = NVML_BRAND_UNKNOWN;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetBrand(gpu.device, &brand);
  return word(code, kWords, static_cast<std::size_t>(brand));
}

FieldValue read_architecture(const Run& run, const Gpu& gpu) {
  static constexpr std::array<const char*, NVML_DEVICE_ARCH_BLACKWELL + 1> kWords = {nullptr,
                                                                                     nullptr,
                                                                                     "Kepler",
                                                                                     "Maxwell",
                                                                                     "Pascal",
                                                                                     "Volta",
                                                                                     "Turing",
                                                                                     "Ampere",
                                                                                     "Ada Lovelace",
                                                                                     "Hopper",
                                                                                     "Blackwell"};
  nvmlDeviceArchitecture_t architecture = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetArchitecture(gpu.device, &architecture);
  return word(code, kWords, architecture);
}

FieldValue read_virtualization(const Run& run, const Gpu& gpu) {
  static constexpr std::array<const char*, NVML_GPU_VIRTUALIZATION_MODE_HOST_VSGA + 1> kWords = {
      "None", "Pass-Through", "VGPU", "Host VGPU", "Host VSGA"};
  nvmlGpuVirtualizationMode_t mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetVirtualizationMode(gpu.device, &mode);
  return word(code, kWords, static_cast<std::size_t>(mode));
}

FieldValue read_pdi(const Run& run, const Gpu& gpu) {
  nvmlPdi_v1_t pdi{};
  pdi.version = nvmlPdi_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetPdi(gpu.device, &pdi);
  return {code, text("0x%llx", pdi.value)};
}

FieldValue read_multi_gpu(const Run& run, const Gpu& gpu) {
  unsigned multi = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMultiGpuBoard(gpu.device, &multi);
  return {code, multi != 0 ? "Yes" : "No"};
}

FieldValue read_board_id(const Run& run, const Gpu& gpu) {
  unsigned id = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetBoardId(gpu.device, &id);
  return {code, text("0x%x", id)};
}

FieldValue read_gsp(const Run& run, const Gpu& gpu) {
  std::array<char, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE> version{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetGspFirmwareVersion(gpu.device, version.data());
  return {code, version.data()};
}

FieldValue read_unrepairable(const Run& run, const Gpu& gpu) {
  nvmlUnrepairableMemoryStatus_v1_t status{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetUnrepairableMemoryFlag_v1(gpu.device, &status);
  return {code, status.bUnrepairableMemory != 0 ? "Yes" : "No"};
}

template <auto kWhich>
FieldValue threshold_of(const Run& run, const Gpu& gpu) {
  return which_of<&nvml::Functions::nvmlDeviceGetTemperatureThreshold, kWhich>(run, gpu);
}

template <auto kMember>
FieldValue remapped_row_of(const Run& run, const Gpu& gpu) {
  nvmlRemappedRowsInfo_v2_t rows{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetRemappedRows_v2(gpu.device, &rows);
  return {code, std::to_string(rows.*kMember)};
}

FieldValue read_egm(const Run& run, const Gpu& gpu) {
  nvmlDeviceCapabilities_v1_t capabilities{};
  capabilities.version = nvmlDeviceCapabilities_v1;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetCapabilities(gpu.device, &capabilities);
  return {code, (capabilities.capMask & NVML_DEV_CAP_EGM) != 0 ? "enabled" : "disabled"};
}

using F = nvml::Functions;

constexpr QueryField kFields[] = {
    {"@brand", nullptr, "", read_brand},
    {"@architecture", nullptr, "", read_architecture},
    {"@pdi", nullptr, "", read_pdi},
    {"@minor", nullptr, "", unsigned_of<&F::nvmlDeviceGetMinorNumber>},
    {"@multi", nullptr, "", read_multi_gpu},
    {"@board_id", nullptr, "", read_board_id},
    {"@board_part", nullptr, "", string_of<&F::nvmlDeviceGetBoardPartNumber>},
    {"@virtualization", nullptr, "", read_virtualization},
    {"@gsp", nullptr, "", read_gsp},
    {"@width_max", nullptr, "", lanes_of<&F::nvmlDeviceGetMaxPcieLinkWidth>},
    {"@width_now", nullptr, "", lanes_of<&F::nvmlDeviceGetCurrPcieLinkWidth>},
    {"@replays", nullptr, "", unsigned_of<&F::nvmlDeviceGetPcieReplayCounter>},
    {"@rollovers", nullptr, "", field_of<NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER>},
    {"@tx", nullptr, "KB/s", which_of<&F::nvmlDeviceGetPcieThroughput, NVML_PCIE_UTIL_TX_BYTES>},
    {"@rx", nullptr, "KB/s", which_of<&F::nvmlDeviceGetPcieThroughput, NVML_PCIE_UTIL_RX_BYTES>},
    {"@display_clock", nullptr, "", reason_of<nvmlClocksEventReasonDisplayClockSetting>},
    {"@bar1_total", nullptr, "MiB", bar1_of<&nvmlBAR1Memory_t::bar1Total>},
    {"@bar1_used", nullptr, "MiB", read_bar1_used},
    {"@bar1_free", nullptr, "MiB", bar1_of<&nvmlBAR1Memory_t::bar1Free>},
    {"@fbc_sessions", nullptr, "", fbc_of<&nvmlFBCStats_t::sessionsCount>},
    {"@fbc_fps", nullptr, "", fbc_of<&nvmlFBCStats_t::averageFPS>},
    {"@fbc_latency", nullptr, "", fbc_of<&nvmlFBCStats_t::averageLatency>},
    {"@channel_repair", nullptr, "", repair_of<&nvmlRepairStatus_v1_t::bChannelRepairPending>},
    {"@tpc_repair", nullptr, "", repair_of<&nvmlRepairStatus_v1_t::bTpcRepairPending>},
    {"@unrepairable", nullptr, "", read_unrepairable},
    {"@inactive_corrected",
     nullptr,
     "",
     remapped_row_of<&nvmlRemappedRowsInfo_v2_t::corrInactiveRemaps>},
    {"@inactive_uncorrected",
     nullptr,
     "",
     remapped_row_of<&nvmlRemappedRowsInfo_v2_t::uncInactiveRemaps>},
    {"@banks_max", nullptr, "bank(s)", histogram_of<&nvmlRowRemapperHistogramValues_t::max>},
    {"@banks_high", nullptr, "bank(s)", histogram_of<&nvmlRowRemapperHistogramValues_t::high>},
    {"@banks_partial",
     nullptr,
     "bank(s)",
     histogram_of<&nvmlRowRemapperHistogramValues_t::partial>},
    {"@banks_low", nullptr, "bank(s)", histogram_of<&nvmlRowRemapperHistogramValues_t::low>},
    {"@banks_none", nullptr, "bank(s)", histogram_of<&nvmlRowRemapperHistogramValues_t::none>},
    {"@celsius", nullptr, "C", read_temperature},
    {"@margin", nullptr, "C", read_temperature_margin},
    {"@tlimit_shutdown", nullptr, "C", field_of<NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT>},
    {"@tlimit_slowdown", nullptr, "C", field_of<NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT>},
    {"@tlimit_max", nullptr, "C", field_of<NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT>},
    {"@shutdown", nullptr, "C", threshold_of<NVML_TEMPERATURE_THRESHOLD_SHUTDOWN>},
    {"@slowdown", nullptr, "C", threshold_of<NVML_TEMPERATURE_THRESHOLD_SLOWDOWN>},
    {"@gpu_max", nullptr, "C", threshold_of<NVML_TEMPERATURE_THRESHOLD_GPU_MAX>},
    {"@memory_max", nullptr, "C", threshold_of<NVML_TEMPERATURE_THRESHOLD_MEM_MAX>},
    {"@memory_celsius", nullptr, "C", field_of<NVML_FI_DEV_MEMORY_TEMP>},
    {"@tlimit_memory", nullptr, "C", field_of<NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT>},
    {"@memory_power",
     nullptr,
     "W",
     field_watts_of<NVML_FI_DEV_POWER_AVERAGE, NVML_POWER_SCOPE_MEMORY>},
    {"@memory_power_now",
     nullptr,
     "W",
     field_watts_of<NVML_FI_DEV_POWER_INSTANT, NVML_POWER_SCOPE_MEMORY>},
    {"@video_max", nullptr, "MHz", which_of<&F::nvmlDeviceGetMaxClockInfo, NVML_CLOCK_VIDEO>},
    {"@boost_max",
     nullptr,
     "MHz",
     which_of<&F::nvmlDeviceGetMaxCustomerBoostClock, NVML_CLOCK_GRAPHICS>},
    {"@fabric_state", nullptr, "", read_fabric_state},
    {"@fabric_status", nullptr, "", read_fabric_status},
    {"@fabric_clique", nullptr, "", read_fabric_clique},
    {"@fabric_cluster", nullptr, "", read_fabric_cluster},
    {"@egm", nullptr, "", read_egm},
};

}  // namespace

std::span<const QueryField> detail_fields() {
  return kFields;
}

}  // namespace mig::smi
