// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/capture.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "abi/simulated.h"
#include "sim/gpus/board.h"
#include "sim/tools/fault_spec.h"

namespace migsim {

namespace {

template <class Function>
std::string version_text(const NvmlCalls& calls, const char* name) {
  std::array<char, 96> text{};
  return calls.call<Function>(name, text.data(), static_cast<unsigned>(text.size())) == NVML_SUCCESS
             ? text.data()
             : std::string();
}

std::string simulated_machine(const NvmlCalls& calls) {
  constexpr unsigned char kGuid[16] = MIGSIM_CONTROL_GUID;
  const void* table = nullptr;
  if (MIGSIM_NVML(calls, nvmlInternalGetExportTable, &table, &kGuid[0]) != NVML_SUCCESS ||
      table == nullptr) {
    return {};
  }
  return static_cast<const migsim_control*>(table)->machine_name;
}

std::string host_kind(const NvmlCalls& calls, nvmlDevice_t device) {
  nvmlGpuVirtualizationMode_t mode{};
  if (MIGSIM_NVML(calls, nvmlDeviceGetVirtualizationMode, device, &mode) != NVML_SUCCESS) {
    return "host of unknown kind";
  }
  switch (mode) {
    case NVML_GPU_VIRTUALIZATION_MODE_NONE:
      return "bare metal";
    case NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH:
      return "virtual machine, GPU passed through";
    default:
      return "vGPU host or guest";
  }
}

// Board name from NVML's name: "NVIDIA RTX PRO 6000 Blackwell" -> "rtx-pro-6000-blackwell".
std::string key_from(const char* name) {
  std::string key;
  for (const char* c = name; *c != '\0'; ++c) {
    const char lower = *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c - 'A' + 'a') : *c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (plain) {
      key += lower;
    } else if (!key.empty() && key.back() != '-') {
      key += '-';
    }
  }
  if (key.starts_with("nvidia-")) {
    key.erase(0, std::strlen("nvidia-"));
  }
  while (!key.empty() && key.back() == '-') {
    key.pop_back();
  }
  return key.substr(0, sizeof(Board::key) - 1);
}

Problem find_gpu(const NvmlCalls& calls, unsigned gpu, nvmlDevice_t& device) {
  unsigned count = 0;
  const nvmlReturn_t code = MIGSIM_NVML(calls, nvmlDeviceGetCount_v2, &count);
  if (code != NVML_SUCCESS) {
    return {Exit::kNotSupported, "cannot count the GPUs: " + nvml_name(code), ""};
  }
  if (gpu >= count) {
    return {
        Exit::kNotFound,
        "no GPU " + std::to_string(gpu) + " to capture: the driver has " + std::to_string(count),
        "migctl list shows them"};
  }
  const nvmlReturn_t handle = MIGSIM_NVML(calls, nvmlDeviceGetHandleByIndex_v2, gpu, &device);
  return handle == NVML_SUCCESS
             ? Problem{}
             : Problem{Exit::kNotSupported,
                       "cannot use GPU " + std::to_string(gpu) + ": " + nvml_name(handle),
                       "migctl list says what is wrong with it"};
}

}  // namespace

Origin Capture::measured() const {
  const std::string library = "NVML " + nvml_version;
  return machine.empty()
             ? Origin{"measured", library + ", migctl sim capture, " + host, driver_version, date}
             : Origin{"derived",
                      "read from the simulated machine " + machine +
                          ", which is no measurement; migctl sim capture",
                      driver_version,
                      date};
}

Origin Capture::derived(const std::string& how) const {
  return {"derived", how, driver_version, date};
}

const std::vector<CaptureFigure>& capture_figures() {
  static const std::vector<CaptureFigure> kFigures = {
      {"identity", "sm_count", &Board::sm_count},
      {"identity", "cores", &Board::cores},
      {"identity", "brand", &Board::brand},
      {"memory", "total_bytes", &Board::memory_total_bytes},
      {"memory", "reserved_bytes", &Board::memory_reserved_bytes},
      {"memory", "bus_bits", &Board::memory_bus_bits},
      {"memory", "bar1_bytes", &Board::bar1_bytes},
      {"memory", "bar1_mig_bytes", &Board::bar1_mig_bytes},
      {"memory", "ecc_enabled", &Board::ecc_enabled},
      {"power", "idle_mw", &Board::power_idle_mw},
      {"power", "limit_mw", &Board::power_limit_mw},
      {"power", "min_limit_mw", &Board::power_min_limit_mw},
      {"temperature", "idle_c", &Board::temperature_idle_c},
      {"temperature", "full_c", &Board::temperature_full_c},
      {"temperature", "slowdown_c", &Board::temperature_slowdown_c},
      {"temperature", "shutdown_c", &Board::temperature_shutdown_c},
      {"temperature", "fan_percent", &Board::fan_percent},
      {"clocks", "sm_idle_mhz", &Board::clock_sm_idle_mhz},
      {"clocks", "sm_max_mhz", &Board::clock_sm_max_mhz},
      {"clocks", "mem_idle_mhz", &Board::clock_mem_idle_mhz},
      {"clocks", "mem_max_mhz", &Board::clock_mem_max_mhz},
      {"links", "pcie_gen", &Board::pcie_gen},
      {"links", "pcie_width", &Board::pcie_width},
      {"links", "nvlink_count", &Board::nvlink_count},
      {"links", "nvlink_version", &Board::nvlink_version},
      {"roofline", "fp32_gflops", &Board::fp32_gflops},
      {"roofline", "tf32_gflops", &Board::tf32_gflops},
      {"roofline", "bf16_gflops", &Board::bf16_gflops},
      {"roofline", "dram_mb_per_s", &Board::dram_mb_per_s},
      {"roofline", "pcie_mb_per_s", &Board::pcie_mb_per_s},
  };
  return kFigures;
}

std::string builtin_key_of(const char* name) {
  for (const std::string_view key : builtin_board_keys()) {
    Board board;
    std::string error;
    if (load_board(builtin_board(key), board, error) && std::strcmp(board.name, name) == 0) {
      return std::string(key);
    }
  }
  return {};
}

Problem read_board(const NvmlCalls& calls, unsigned gpu, const std::string& date, Capture& out) {
  out.date = date;
  nvmlDevice_t device = nullptr;
  if (Problem problem = find_gpu(calls, gpu, device); !problem.ok()) {
    return problem;
  }
  out.driver_version =
      version_text<decltype(&nvmlSystemGetDriverVersion)>(calls, "nvmlSystemGetDriverVersion");
  out.nvml_version =
      version_text<decltype(&nvmlSystemGetNVMLVersion)>(calls, "nvmlSystemGetNVMLVersion");
  out.machine = simulated_machine(calls);
  out.host = host_kind(calls, device);
  if (Problem problem = read_identity(calls, device, out); !problem.ok()) {
    return problem;
  }
  std::string key = builtin_key_of(out.board.name);
  if (key.empty()) {
    key = key_from(out.board.name);
  }
  std::memcpy(out.board.key, key.c_str(), key.size() + 1);
  read_readings(calls, device, out);
  if (Problem problem = read_mig_table(calls, device, out); !problem.ok()) {
    return problem;
  }
  // NVML reports no SM count of a GPU, only cores; cores per SM are known for these generations.
  Board& board = out.board;
  const std::int64_t per_sm = board.cc_major == 8 && board.cc_minor == 0 ? 64 : 128;
  if (board.cores != kUnknown && board.cores % per_sm == 0) {
    board.sm_count = board.cores / per_sm;
    out.origins["identity.sm_count"] = out.derived("cores by " + std::to_string(per_sm) +
                                                   ", the cores of an SM of this architecture");
  } else {
    for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
      board.sm_count = std::max<std::int64_t>(board.sm_count, board.gi_profiles[i].sm);
    }
    out.origins["identity.sm_count"] =
        out.derived("SMs of the largest MIG profile; the GPU may have more with MIG off");
  }
  return {};
}

}  // namespace migsim
