// SPDX-License-Identifier: Apache-2.0
#include "smi/summary.h"

#include <array>
#include <ctime>

#include "smi/list_gpus.h"
#include "smi/mig_walk.h"
#include "smi/readings.h"
#include "smi/summary_table.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

template <class Call>
std::optional<unsigned> number(const Call& call, nvmlDevice_t device) {
  unsigned value = 0;
  return call(device, &value) == NVML_SUCCESS ? std::optional(value) : std::nullopt;
}

std::optional<unsigned> watts(const std::optional<unsigned>& milliwatts) {
  return milliwatts ? std::optional((*milliwatts + 500) / 1000) : std::nullopt;
}

template <class Call>
std::string on_off(const Call& call, nvmlDevice_t device) {
  nvmlEnableState_t state = NVML_FEATURE_DISABLED;
  if (call(device, &state) != NVML_SUCCESS) {
    return "";
  }
  return state == NVML_FEATURE_ENABLED ? "On" : "Off";
}

// With MIG on the column shows only that ECC is on: errors are counted per MIG device.
std::string ecc_cell(const Run& run, nvmlDevice_t device, bool mig) {
  nvmlEnableState_t current = NVML_FEATURE_DISABLED;
  nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
  if (run.nvml.nvmlDeviceGetEccMode(device, &current, &pending) != NVML_SUCCESS) {
    return "";
  }
  if (current == NVML_FEATURE_DISABLED) {
    return "Off";
  }
  if (mig) {
    return "On";
  }
  unsigned long long errors = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetTotalEccErrors(
      device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, &errors);
  return code == NVML_SUCCESS ? text("%llu", errors) : "";
}

std::string compute_mode_cell(const Run& run, nvmlDevice_t device) {
  nvmlComputeMode_t mode = NVML_COMPUTEMODE_DEFAULT;
  if (run.nvml.nvmlDeviceGetComputeMode(device, &mode) != NVML_SUCCESS) {
    return "";
  }
  switch (mode) {
    case NVML_COMPUTEMODE_EXCLUSIVE_THREAD:
      return "E. Thread";
    case NVML_COMPUTEMODE_PROHIBITED:
      return "Prohibited";
    case NVML_COMPUTEMODE_EXCLUSIVE_PROCESS:
      return "E. Process";
    default:
      return "Default";
  }
}

std::string mig_cell(const MigMode& mode) {
  if (!mode.supported) {
    return "";
  }
  const std::string now = mode.enabled ? "Enabled" : "Disabled";
  return mode.enabled == mode.pending ? now : now + "*";  // * = a different mode is pending
}

SummaryGpu read_gpu(const Run& run, const Gpu& gpu, const MigMode& mode) {
  const nvml::Functions& nvml = run.nvml;
  nvmlDevice_t device = gpu.device;
  SummaryGpu row;
  row.index = gpu.index;
  row.name = ask_text(nvml.nvmlDeviceGetName, device);
  row.persistence = on_off(nvml.nvmlDeviceGetPersistenceMode, device);
  row.bus = bus_id(run, device);
  row.display = on_off(nvml.nvmlDeviceGetDisplayActive, device);
  row.ecc = ecc_cell(run, device, mode.enabled);
  row.fan_percent = number(nvml.nvmlDeviceGetFanSpeed, device);
  unsigned celsius = 0;
  if (nvml.nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &celsius) == NVML_SUCCESS) {
    row.celsius = celsius;
  }
  nvmlPstates_t state = NVML_PSTATE_UNKNOWN;
  if (nvml.nvmlDeviceGetPerformanceState(device, &state) == NVML_SUCCESS &&
      state != NVML_PSTATE_UNKNOWN) {
    row.perf = text("P%u", static_cast<unsigned>(state));
  }
  row.power_w = watts(number(nvml.nvmlDeviceGetPowerUsage, device));
  row.power_cap_w = watts(number(nvml.nvmlDeviceGetEnforcedPowerLimit, device));
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  if (nvml.nvmlDeviceGetMemoryInfo_v2(device, &memory) == NVML_SUCCESS) {
    row.memory_used_mib = mib(memory.used);
    row.memory_total_mib = mib(memory.total);
  }
  nvmlUtilization_t utilization{};
  if (nvml.nvmlDeviceGetUtilizationRates(device, &utilization) == NVML_SUCCESS) {
    row.gpu_percent = utilization.gpu;
  }
  row.compute_mode = compute_mode_cell(run, device);
  row.mig_mode = mig_cell(mode);
  return row;
}

SummaryMig read_mig(const Run& run, const Gpu& gpu, const MigDevice& mig) {
  const MigReading reading = read_mig_device(run, mig);
  SummaryMig row;
  row.gpu = gpu.index;
  row.index = reading.index;
  row.gi = reading.gi;
  row.ci = reading.ci;
  if (reading.memory) {
    row.used_mib = mib(reading.memory->used);
    row.total_mib = mib(reading.memory->total);
  }
  if (reading.bar1) {
    row.bar1_used_mib = mib(reading.bar1->bar1Used);
    row.bar1_total_mib = mib(reading.bar1->bar1Total);
  }
  if (reading.sram_uncorrectable) {
    row.ecc = *reading.sram_uncorrectable;
  }
  if (const auto& attributes = reading.attributes) {
    row.sm = attributes->multiprocessorCount;
    row.copy_engines = attributes->sharedCopyEngineCount;
    row.encoders = attributes->sharedEncoderCount;
    row.decoders = attributes->sharedDecoderCount;
    row.ofa = attributes->sharedOfaCount;
    row.jpeg = attributes->sharedJpegCount;
  }
  return row;
}

}  // namespace

std::string cuda_version(const Run& run) {
  int version = 0;
  if (run.nvml.nvmlSystemGetCudaDriverVersion_v2(&version) != NVML_SUCCESS) {
    return "N/A";
  }
  return text("%d.%d", version / 1000, version % 1000 / 10);
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 64> buffer{};
  const std::size_t length =
      std::strftime(buffer.data(), buffer.size(), "%a %b %e %H:%M:%S %Y", &local);
  return {buffer.data(), length};
}

int show_summary(const Run& run, const std::vector<Gpu>& gpus) {
  std::string out = summary_heading({now_text(), run.session.driver_version(), cuda_version(run)});
  std::vector<SummaryMig> devices;
  std::vector<Process> processes;
  bool any_mig = false;
  for (const Gpu& gpu : gpus) {
    MigMode mode;
    mig_mode(run, gpu.device, &mode);
    out += summary_gpu(read_gpu(run, gpu, mode));
    any_mig = any_mig || mode.enabled;
    if (mode.enabled) {
      for (const MigDevice& mig : mig_devices(run, gpu.device)) {
        devices.push_back(read_mig(run, gpu, mig));
      }
    }
    for (Process& process : processes_on(run, gpu)) {
      processes.push_back(std::move(process));
    }
  }
  if (any_mig) {
    out += summary_mig(devices);
  }
  run.print(out + summary_processes(processes));
  return 0;
}

int show_version(const Run& run) {
  // NVML version "13.580.159.04": CUDA's major version, then the driver's first two parts.
  std::string nvml = run.session.nvml_version();
  nvml = nvml.substr(nvml.find('.') + 1);
  const std::size_t second = nvml.find('.', nvml.find('.') + 1);
  const std::string& driver = run.session.driver_version();
  run.print(
      text("NVIDIA-SMI version  : %s\nNVML version        : %s\nDRIVER version      : %s\n"
           "CUDA Version        : %s\n",
           driver.c_str(),
           nvml.substr(0, second).c_str(),
           driver.c_str(),
           cuda_version(run).c_str()));
  return 0;
}

}  // namespace mig::smi
