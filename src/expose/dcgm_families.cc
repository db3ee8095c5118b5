// SPDX-License-Identifier: Apache-2.0
// DCGM's names with dcgm-exporter's labels, for dashboards and rules that were written for it: as
// dcgm-exporter 4.8.3 to 4.8.4 writes them (`legacy`), and of the names of 4.9 those whose meaning
// and unit are published. Like there, a GPU in MIG mode is shown by its instances: what only the
// board has (clocks, temperature, power, energy, PCIe) is repeated for each of them, so sums over
// instances count it several times; own families do not.
//
// Absent, because the sample has no source for them: encoder and decoder utilisation, PCIe replays,
// NVLink bandwidth, vGPU licence, remapped rows by kind, reserved memory.
#include <array>
#include <string>

#include "expose/parts.h"

namespace mig::expose {
namespace {

constexpr double kBytesPerMebibyte = 1024.0 * 1024.0;
constexpr double kHertzPerMegahertz = 1e6;
constexpr double kPercent = 100;

// What a series is about: a GPU, or one of its instances.
struct Subject {
  const GpuSample& gpu;
  const GpuInstanceSample* instance;  // nullptr: the GPU
};

const Activity& activity(const Subject& s) {
  return s.instance != nullptr ? s.instance->activity : s.gpu.activity;
}

std::optional<std::uint64_t> memory_total(const Subject& s) {
  return s.instance != nullptr ? s.instance->memory_total_bytes : s.gpu.memory_total_bytes;
}

std::optional<std::uint64_t> memory_used(const Subject& s) {
  return s.instance != nullptr ? s.instance->memory_used_bytes : s.gpu.memory_used_bytes;
}

std::optional<double> memory_free(const Subject& s) {
  const auto total = memory_total(s);
  const auto used = memory_used(s);
  return total && used && *used <= *total ? std::optional(static_cast<double>(*total - *used))
                                          : std::nullopt;
}

// dcgm-exporter writes whole MiB.
std::optional<double> mebibytes(std::optional<double> bytes) {
  return bytes ? std::optional(
                     static_cast<double>(static_cast<std::uint64_t>(*bytes / kBytesPerMebibyte)))
               : std::nullopt;
}

// In MIG mode the driver tells no utilisation, of the GPU or of an instance.
std::optional<double> utilization(const Subject& s, std::optional<double> value, double scale) {
  return s.instance == nullptr && s.gpu.mig_current != MigMode::kEnabled ? number(value, scale)
                                                                         : std::nullopt;
}

struct Field {
  const char* legacy;  // nullptr: not a legacy name
  const char* name49;  // nullptr: without a published source
  Type type;
  const char* help;
  const char* help49;
  Form form;
  std::optional<double> (*read)(const Subject&);
  std::optional<double> (*read49)(const Subject&);  // nullptr: as read
};

constexpr std::array kFields{
    Field{"DCGM_FI_DEV_SM_CLOCK",
          nullptr,
          Type::kGauge,
          "SM clock frequency (in MHz).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return number(s.gpu.sm_clock_hz, 1 / kHertzPerMegahertz); },
          nullptr},
    Field{"DCGM_FI_DEV_MEM_CLOCK",
          nullptr,
          Type::kGauge,
          "Memory clock frequency (in MHz).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return number(s.gpu.memory_clock_hz, 1 / kHertzPerMegahertz); },
          nullptr},
    Field{"DCGM_FI_DEV_MEMORY_TEMP",
          "DCGM_FI_DEV_MEMORY_TEMP_CELSIUS",
          Type::kGauge,
          "Memory temperature (in C).",
          "Memory temperature, in degrees Celsius.",
          Form::kShortest,
          [](const Subject& s) { return s.gpu.memory_temperature_celsius; },
          nullptr},
    Field{"DCGM_FI_DEV_GPU_TEMP",
          "DCGM_FI_DEV_GPU_TEMP_CELSIUS",
          Type::kGauge,
          "GPU temperature (in C).",
          "GPU temperature, in degrees Celsius.",
          Form::kShortest,
          [](const Subject& s) { return s.gpu.temperature_celsius; },
          nullptr},
    Field{"DCGM_FI_DEV_POWER_USAGE",
          "DCGM_FI_DEV_BOARD_POWER_WATTS",
          Type::kGauge,
          "Power draw (in W).",
          "Power draw of the board, in watts.",
          Form::kSixDecimals,
          [](const Subject& s) { return s.gpu.power_watts; },
          nullptr},
    Field{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
          nullptr,
          Type::kCounter,
          "Total energy consumption since boot (in mJ).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return number(s.gpu.energy_mj); },
          nullptr},
    Field{"DCGM_FI_DEV_GPU_UTIL",
          "DCGM_FI_DEV_GPU_UTIL_RATIO",
          Type::kGauge,
          "GPU utilization (in %).",
          "GPU utilization, as a ratio.",
          Form::kShortest,
          [](const Subject& s) { return utilization(s, s.gpu.gpu_utilization, kPercent); },
          [](const Subject& s) { return utilization(s, s.gpu.gpu_utilization, 1); }},
    Field{"DCGM_FI_DEV_MEM_COPY_UTIL",
          nullptr,
          Type::kGauge,
          "Memory utilization (in %).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return utilization(s, s.gpu.memory_utilization, kPercent); },
          nullptr},
    Field{"DCGM_FI_DEV_FB_FREE",
          nullptr,
          Type::kGauge,
          "Framebuffer memory free (in MiB).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return mebibytes(memory_free(s)); },
          nullptr},
    Field{"DCGM_FI_DEV_FB_USED",
          nullptr,
          Type::kGauge,
          "Framebuffer memory used (in MiB).",
          nullptr,
          Form::kShortest,
          [](const Subject& s) { return mebibytes(number(memory_used(s))); },
          nullptr},
    Field{nullptr,
          "DCGM_FI_DEV_FB_CAPACITY_BYTES",
          Type::kGauge,
          nullptr,
          "Framebuffer memory, in bytes.",
          Form::kShortest,
          [](const Subject& s) { return number(memory_total(s)); },
          nullptr},
    Field{"DCGM_FI_DEV_ROW_REMAP_FAILURE",
          "DCGM_FI_DEV_ROW_REMAP_FAILED",
          Type::kGauge,
          "Whether remapping of rows has failed",
          "Whether remapping of rows has failed.",
          Form::kShortest,
          [](const Subject& s) { return number(s.gpu.remap_failed); },
          nullptr},
    Field{"DCGM_FI_PROF_GR_ENGINE_ACTIVE",
          "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO",
          Type::kGauge,
          "Ratio of time the graphics engine is active.",
          "Ratio of time the graphics engine is active.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).graphics; },
          nullptr},
    Field{"DCGM_FI_PROF_SM_ACTIVE",
          "DCGM_FI_PROF_SM_UTIL_RATIO",
          Type::kGauge,
          "The ratio of cycles an SM has at least 1 warp assigned.",
          "The ratio of cycles an SM has at least 1 warp assigned.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).sm; },
          nullptr},
    Field{"DCGM_FI_PROF_SM_OCCUPANCY",
          "DCGM_FI_PROF_SM_OCCUPANCY_RATIO",
          Type::kGauge,
          "The ratio of number of warps resident on an SM.",
          "The ratio of number of warps resident on an SM.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).occupancy; },
          nullptr},
    Field{"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
          "DCGM_FI_PROF_TENSOR_UTIL_RATIO",
          Type::kGauge,
          "Ratio of cycles the tensor (HMMA) pipe is active.",
          "Ratio of cycles the tensor pipe is active.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).tensor; },
          nullptr},
    Field{"DCGM_FI_PROF_DRAM_ACTIVE",
          "DCGM_FI_PROF_DRAM_UTIL_RATIO",
          Type::kGauge,
          "Ratio of cycles the device memory interface is active sending or receiving data.",
          "Ratio of cycles the device memory interface is active sending or receiving data.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).dram; },
          nullptr},
    Field{"DCGM_FI_PROF_PIPE_FP64_ACTIVE",
          "DCGM_FI_PROF_FP64_UTIL_RATIO",
          Type::kGauge,
          "Ratio of cycles the fp64 pipes are active.",
          "Ratio of cycles the fp64 pipes are active.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).fp64; },
          nullptr},
    Field{"DCGM_FI_PROF_PIPE_FP32_ACTIVE",
          "DCGM_FI_PROF_FP32_UTIL_RATIO",
          Type::kGauge,
          "Ratio of cycles the fp32 pipes are active.",
          "Ratio of cycles the fp32 pipes are active.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).fp32; },
          nullptr},
    Field{"DCGM_FI_PROF_PIPE_FP16_ACTIVE",
          "DCGM_FI_PROF_FP16_UTIL_RATIO",
          Type::kGauge,
          "Ratio of cycles the fp16 pipes are active.",
          "Ratio of cycles the fp16 pipes are active.",
          Form::kSixDecimals,
          [](const Subject& s) { return activity(s).fp16; },
          nullptr},
    Field{"DCGM_FI_PROF_PCIE_TX_BYTES",
          "DCGM_FI_PROF_PCIE_TX_BYTES",
          Type::kGauge,
          "The rate of data transmitted over the PCIe bus - including both protocol headers and "
          "data payloads - in bytes per second.",
          "The rate of data transmitted over the PCIe bus, in bytes per second.",
          Form::kShortest,
          [](const Subject& s) { return s.gpu.activity.pcie_tx_bytes_per_second; },
          nullptr},
    Field{"DCGM_FI_PROF_PCIE_RX_BYTES",
          "DCGM_FI_PROF_PCIE_RX_BYTES",
          Type::kGauge,
          "The rate of data received over the PCIe bus - including both protocol headers and data "
          "payloads - in bytes per second.",
          "The rate of data received over the PCIe bus, in bytes per second.",
          Form::kShortest,
          [](const Subject& s) { return s.gpu.activity.pcie_rx_bytes_per_second; },
          nullptr},
};

Labels subject_labels(const MachineSample& sample, const Subject& s, Dialect dialect) {
  const std::uint32_t minor = s.gpu.minor.value_or(s.gpu.index.value);
  Labels labels;
  labels.add("gpu", s.gpu.index.value)
      .add("UUID", s.gpu.uuid)
      .add("pci_bus_id", s.gpu.pci_bus_id)
      .add("device", "nvidia" + std::to_string(minor))
      .add("modelName", s.gpu.name);
  if (s.instance != nullptr) {
    labels.add("GPU_I_PROFILE", s.instance->profile).add("GPU_I_ID", s.instance->id.value);
  }
  labels.add("hostname", sample.hostname);
  return labels.add(
      dialect == Dialect::kNew ? "DCGM_FI_SYSTEM_DRIVER_VERSION" : "DCGM_FI_DRIVER_VERSION",
      sample.driver_version);
}

// The last Xid of the subject; 0 and "No Error" before the first, as there.
void add_xid(Families& out, const Subject& s, Labels labels, Dialect dialect) {
  const XidCount* last = nullptr;
  for (const XidCount& xid : s.gpu.xids) {
    const bool ours = s.instance == nullptr
                          ? !xid.gpu_instance
                          : !xid.gpu_instance || xid.gpu_instance == s.instance->id;
    if (ours && (last == nullptr || xid.last_ms > last->last_ms)) {
      last = &xid;
    }
  }
  const std::uint64_t code = last == nullptr ? 0 : last->xid;
  labels.add("err_code", code);
  if (code == 0) {
    labels.add("err_msg", "No Error");
  }
  out.add(dialect == Dialect::kNew ? "DCGM_FI_DEV_XID_ERROR" : "DCGM_FI_DEV_XID_ERRORS",
          Type::kGauge,
          "Value of the last XID error encountered.",
          labels,
          static_cast<double>(code));
}

void add_subject(Families& out, const Subject& s, const Labels& labels, Dialect dialect) {
  for (const Field& field : kFields) {
    const bool is_new = dialect == Dialect::kNew;
    const char* name = is_new ? field.name49 : field.legacy;
    if (name != nullptr) {
      const auto read = is_new && field.read49 != nullptr ? field.read49 : field.read;
      out.add(name, field.type, is_new ? field.help49 : field.help, labels, read(s), field.form);
    }
  }
}

}  // namespace

void add_dcgm(Families& out,
              const MachineSample& sample,
              const NodeFigures& figures,
              const RenderOptions& options) {
  const Dialect dialect = options.dialect;
  const LabelMaker ends(sample.simulated);
  const auto add = [&](const Subject& s) {
    const Labels base = subject_labels(sample, s, dialect);
    const auto id = s.instance == nullptr ? std::nullopt : std::optional(s.instance->id);
    const auto jobs = figures.hpc_jobs.find({s.gpu.index, id});
    add_xid(out, s, ends.ended(base), dialect);
    if (!options.jobs || jobs == figures.hpc_jobs.end() || jobs->second.empty()) {
      return add_subject(out, s, ends.ended(base), dialect);
    }
    // dcgm-exporter repeats a series for each job of its GPU or instance.
    for (const std::string& job : jobs->second) {
      add_subject(out, s, ends.ended(Labels(base).add("hpc_job", job)), dialect);
    }
  };
  for (const GpuSample& gpu : sample.gpus) {
    if (gpu.mig_current != MigMode::kEnabled || gpu.instances.empty()) {
      add({gpu, nullptr});
    }
    for (const GpuInstanceSample& instance : gpu.instances) {
      add({gpu, &instance});
    }
  }
}

}  // namespace mig::expose
