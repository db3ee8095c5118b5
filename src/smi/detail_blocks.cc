// SPDX-License-Identifier: Apache-2.0
#include "smi/detail_blocks.h"

#include <cstring>

#include "smi/list_gpus.h"
#include "smi/processes.h"
#include "smi/property.h"
#include "smi/readings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kNone = "N/A";

std::string number_line(unsigned depth,
                        const char* label,
                        const std::optional<unsigned long long>& number,
                        const char* unit = "") {
  return detail_line(depth, label, number ? text("%llu%s", *number, unit) : kNone);
}

std::string attribute_lines(const std::optional<nvmlDeviceAttributes_t>& attributes) {
  const auto line = [&](const char* label, unsigned nvmlDeviceAttributes_t::*member) {
    using Number = std::optional<unsigned long long>;
    return number_line(4, label, attributes ? Number((*attributes).*member) : std::nullopt);
  };
  return line("Multiprocessor count", &nvmlDeviceAttributes_t::multiprocessorCount) +
         line("Copy Engine count", &nvmlDeviceAttributes_t::sharedCopyEngineCount) +
         line("Encoder count", &nvmlDeviceAttributes_t::sharedEncoderCount) +
         line("Decoder count", &nvmlDeviceAttributes_t::sharedDecoderCount) +
         line("OFA count", &nvmlDeviceAttributes_t::sharedOfaCount) +
         line("JPG count", &nvmlDeviceAttributes_t::sharedJpegCount);
}

std::string mig_block(const MigReading& mig) {
  const auto memory = [&](const char* label, unsigned long long nvmlMemory_v2_t::*member) {
    using Number = std::optional<unsigned long long>;
    return number_line(
        3, label, mig.memory ? Number(mib((*mig.memory).*member)) : std::nullopt, " MiB");
  };
  const auto bar1 = [&](const char* label, unsigned long long nvmlBAR1Memory_t::*member) {
    using Number = std::optional<unsigned long long>;
    return number_line(
        3, label, mig.bar1 ? Number(mib((*mig.bar1).*member)) : std::nullopt, " MiB");
  };
  return detail_line(1, "MIG Device", "") + number_line(2, "Index", mig.index) +
         number_line(2, "GPU Instance ID", mig.gi) + number_line(2, "Compute Instance ID", mig.ci) +
         detail_line(2, "Device Attributes", "") + detail_line(3, "Shared", "") +
         attribute_lines(mig.attributes) + detail_line(2, "ECC Errors", "") +
         detail_line(3, "Volatile", "") +
         number_line(4, "SRAM Uncorrectable", mig.sram_uncorrectable) +
         detail_line(2, "Shared FB Memory Usage", "") + memory("Total", &nvmlMemory_v2_t::total) +
         memory("Reserved", &nvmlMemory_v2_t::reserved) + memory("Used", &nvmlMemory_v2_t::used) +
         memory("Free", &nvmlMemory_v2_t::free) + detail_line(2, "Shared BAR1 Memory", "") +
         bar1("Total", &nvmlBAR1Memory_t::bar1Total) + bar1("Used", &nvmlBAR1Memory_t::bar1Used) +
         bar1("Free", &nvmlBAR1Memory_t::bar1Free);
}

std::string mig_blocks(const Run& run, const Gpu& gpu, const DetailRow&) {
  std::string out;
  for (const MigDevice& mig : mig_devices(run, gpu.device)) {
    out += mig_block(read_mig_device(run, mig));
  }
  return out;
}

std::string process_line(unsigned depth, const char* label, const std::string& value) {
  constexpr int kColumn = 42;
  return text("%*s%-*s: %s\n",
              static_cast<int>(4 * depth),
              "",
              kColumn - static_cast<int>(4 * depth),
              label,
              value.c_str());
}

std::string process_block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  const std::vector<Process> processes = processes_on(run, gpu);
  if (processes.empty()) {
    return detail_line(row.depth, row.label, "None");
  }
  std::string out = detail_line(row.depth, row.label, "");
  const auto id = [](const std::optional<unsigned>& i) { return i ? std::to_string(*i) : kNone; };
  for (const Process& p : processes) {
    out += process_line(row.depth + 1, "GPU instance ID", id(p.gi));
    out += process_line(row.depth + 1, "Compute instance ID", id(p.ci));
    out += process_line(row.depth + 1, "Process ID", std::to_string(p.pid));
    out += process_line(row.depth + 2, "Type", p.type);
    out += process_line(row.depth + 2, "Name", p.name);
    out += process_line(
        row.depth + 2, "Used GPU Memory", p.memory_mib ? text("%llu MiB", *p.memory_mib) : kNone);
  }
  return out;
}

std::string accounted_block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  const std::vector<Accounted> processes = accounted_on(run, gpu);
  if (processes.empty()) {
    return detail_line(row.depth, row.label, "None");
  }
  std::string out = detail_line(row.depth, row.label, "");
  for (const Accounted& p : processes) {
    const auto value = [&](unsigned long long number, const char* unit) {
      return p.code == NVML_SUCCESS ? text("%llu%s", number, unit) : shown_code(run, p.code);
    };
    const bool knows_memory =
        p.stats.maxMemoryUsage != static_cast<unsigned long long>(NVML_VALUE_NOT_AVAILABLE);
    out += process_line(row.depth + 1, "Process ID", std::to_string(p.pid));
    out += process_line(row.depth + 2, "GPU Utilization", value(p.stats.gpuUtilization, " %"));
    out +=
        process_line(row.depth + 2, "Memory Utilization", value(p.stats.memoryUtilization, " %"));
    out += process_line(row.depth + 2,
                        "Max memory usage",
                        knows_memory ? value(mib(p.stats.maxMemoryUsage), " MiB") : kNone);
    out += process_line(row.depth + 2, "Time", value(p.stats.time, " ms"));
    out += process_line(row.depth + 2, "Is Running", value(p.stats.isRunning, ""));
  }
  return out;
}

std::string clock_block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  const ClockList clocks = supported_clocks_of(run, gpu);
  if (clocks.code != NVML_SUCCESS) {
    return detail_line(row.depth, row.label, shown_code(run, clocks.code));
  }
  std::string out = detail_line(row.depth, row.label, "");
  for (const MemoryClock& memory : clocks.memory) {
    out += detail_line(row.depth + 1, "Memory", text("%u MHz", memory.mhz));
    if (memory.code != NVML_SUCCESS) {
      out += detail_line(row.depth + 2, "Graphics", shown_code(run, memory.code));
    }
    for (const unsigned mhz : memory.graphics_mhz) {
      out += detail_line(row.depth + 2, "Graphics", text("%u MHz", mhz));
    }
  }
  return out;
}

struct SampleKind {
  const char* source;
  nvmlSamplingType_t type;
  const char* unit;
};

constexpr SampleKind kSamples[] = {
    {"#samples_power", NVML_TOTAL_POWER_SAMPLES, "W"},
    {"#samples_gpu", NVML_GPU_UTILIZATION_SAMPLES, "%"},
    {"#samples_memory", NVML_MEMORY_UTILIZATION_SAMPLES, "%"},
    {"#samples_encoder", NVML_ENC_UTILIZATION_SAMPLES, "%"},
    {"#samples_decoder", NVML_DEC_UTILIZATION_SAMPLES, "%"},
    {"#samples_jpeg", NVML_JPG_UTILIZATION_SAMPLES, "%"},
    {"#samples_ofa", NVML_OFA_UTILIZATION_SAMPLES, "%"},
    {"#samples_sm_clock", NVML_PROCESSOR_CLK_SAMPLES, "MHz"},
    {"#samples_memory_clock", NVML_MEMORY_CLK_SAMPLES, "MHz"},
};

std::string sample_block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  const SampleKind* kind = kSamples;
  while (std::strcmp(kind->source, row.source) != 0) {
    ++kind;
  }
  const SampleSummary summary = samples_of(run, gpu, kind->type);
  const std::string failure = shown_code(run, summary.code);
  const bool known = summary.code == NVML_SUCCESS;
  const auto line = [&](const char* label, const std::string& value) {
    return detail_line(row.depth + 1, label, known ? value : failure);
  };
  // Milliwatts as watts; other values as integers, truncated as nvidia-smi truncates a mean.
  const auto value = [&](double number) {
    return kind->type == NVML_TOTAL_POWER_SAMPLES
               ? text("%.2f W", number / 1000)
               : text("%u %s", static_cast<unsigned>(number), kind->unit);
  };
  return detail_line(row.depth, row.label, "") +
         line("Duration", text("%.2f sec", summary.seconds)) +
         line("Number of Samples", std::to_string(summary.count)) +
         line("Max", value(summary.max)) + line("Min", value(summary.min)) +
         line("Avg", value(summary.mean));
}

}  // namespace

std::string detail_block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  struct Block {
    const char* source;
    std::string (*lines)(const Run&, const Gpu&, const DetailRow&);
  };

  static constexpr Block kBlocks[] = {{"#mig", mig_blocks},
                                      {"#processes", process_block},
                                      {"#accounted", accounted_block},
                                      {"#supported_clocks", clock_block}};
  for (const Block& block : kBlocks) {
    if (std::strcmp(block.source, row.source) == 0) {
      return block.lines(run, gpu, row);
    }
  }
  return sample_block(run, gpu, row);
}

}  // namespace mig::smi
