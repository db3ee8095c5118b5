// SPDX-License-Identifier: Apache-2.0
// The XML documents: mapping of NVML readings to elements.
#include <map>

#include "smi/detail.h"
#include "smi/list_gpus.h"
#include "smi/processes.h"
#include "smi/property.h"
#include "smi/readings.h"
#include "smi/summary.h"
#include "smi/text.h"
#include "smi/xml.h"

namespace mig::smi {
namespace {

constexpr const char* kNone = "N/A";

std::string path_of(std::string_view parent, std::string_view name) {
  return std::string(parent) + "/" + std::string(name);
}

std::string tabs(unsigned depth) {
  std::string out(depth, '\t');
  return out;
}

// Encloses lines in "<name>" and "</name>".
std::string around(std::string_view name, const std::string& lines, unsigned depth) {
  const std::string tag(name);
  return tabs(depth) + "<" + tag + ">\n" + lines + tabs(depth) + "</" + tag + ">\n";
}

using Texts = std::map<std::string, std::string>;

// A source with fixed values, by path.
XmlSource source_of(const Texts& texts) {
  XmlSource source;
  source.knows = [&texts](std::string_view parent, std::string_view name) {
    return texts.count(path_of(parent, name)) != 0;
  };
  source.text = [&texts](std::string_view parent, std::string_view name) {
    const auto found = texts.find(path_of(parent, name));
    return found == texts.end() ? std::nullopt : std::optional(found->second);
  };
  source.block = [](std::string_view, unsigned) -> std::optional<std::string> {
    return std::nullopt;
  };
  return source;
}

std::string element_of(const Texts& texts,
                       std::string_view parent,
                       std::string_view name,
                       unsigned depth) {
  return xml_element(device_schema(), source_of(texts), parent, name, depth);
}

std::string mib_text(unsigned long long bytes) {
  return text("%llu MiB", mib(bytes));
}

std::string mig_device(const MigReading& mig, unsigned depth) {
  Texts texts = {{"mig_device/index", std::to_string(mig.index)},
                 {"mig_device/gpu_instance_id", std::to_string(mig.gi)},
                 {"mig_device/compute_instance_id", std::to_string(mig.ci)}};
  if (mig.attributes) {
    const nvmlDeviceAttributes_t& a = *mig.attributes;
    texts["shared/multiprocessor_count"] = std::to_string(a.multiprocessorCount);
    texts["shared/copy_engine_count"] = std::to_string(a.sharedCopyEngineCount);
    texts["shared/encoder_count"] = std::to_string(a.sharedEncoderCount);
    texts["shared/decoder_count"] = std::to_string(a.sharedDecoderCount);
    texts["shared/ofa_count"] = std::to_string(a.sharedOfaCount);
    texts["shared/jpg_count"] = std::to_string(a.sharedJpegCount);
  }
  if (mig.sram_uncorrectable) {
    texts["volatile_count/sram_uncorrectable"] = text("%llu", *mig.sram_uncorrectable);
  }
  if (mig.memory) {
    texts["fb_memory_usage/total"] = mib_text(mig.memory->total);
    texts["fb_memory_usage/reserved"] = mib_text(mig.memory->reserved);
    texts["fb_memory_usage/used"] = mib_text(mig.memory->used);
    texts["fb_memory_usage/free"] = mib_text(mig.memory->free);
  }
  if (mig.bar1) {
    texts["bar1_memory_usage/total"] = mib_text(mig.bar1->bar1Total);
    texts["bar1_memory_usage/used"] = mib_text(mig.bar1->bar1Used);
    texts["bar1_memory_usage/free"] = mib_text(mig.bar1->bar1Free);
  }
  return element_of(texts, "mig_devices", "mig_device", depth);
}

std::string mig_lines(const Run& run, const Gpu& gpu, unsigned depth) {
  std::string out;
  for (const MigDevice& mig : mig_devices(run, gpu.device)) {
    out += mig_device(read_mig_device(run, mig), depth);
  }
  return out.empty() ? tabs(depth) + "None\n" : out;
}

std::string process_lines(const Run& run, const Gpu& gpu, unsigned depth) {
  std::string out;
  for (const Process& p : processes_on(run, gpu)) {
    const Texts texts = {
        {"process_info/gpu_instance_id", p.gi ? std::to_string(*p.gi) : kNone},
        {"process_info/compute_instance_id", p.ci ? std::to_string(*p.ci) : kNone},
        {"process_info/pid", std::to_string(p.pid)},
        {"process_info/type", p.type},
        {"process_info/process_name", p.name},
        {"process_info/used_memory", p.memory_mib ? text("%llu MiB", *p.memory_mib) : kNone}};
    out += element_of(texts, "processes", "process_info", depth);
  }
  return out;
}

std::string accounted_lines(const Run& run, const Gpu& gpu, unsigned depth) {
  std::string out;
  for (const Accounted& p : accounted_on(run, gpu)) {
    const auto value = [&](unsigned long long number, const char* unit) {
      return p.code == NVML_SUCCESS ? text("%llu%s", number, unit) : shown_code(run, p.code);
    };
    const bool knows_memory =
        p.stats.maxMemoryUsage != static_cast<unsigned long long>(NVML_VALUE_NOT_AVAILABLE);
    const Texts texts = {
        {"accounted_process_info/pid", std::to_string(p.pid)},
        {"accounted_process_info/gpu_util", value(p.stats.gpuUtilization, " %")},
        {"accounted_process_info/memory_util", value(p.stats.memoryUtilization, " %")},
        {"accounted_process_info/max_memory_usage",
         knows_memory ? value(mib(p.stats.maxMemoryUsage), " MiB") : kNone},
        {"accounted_process_info/time", value(p.stats.time, " ms")},
        {"accounted_process_info/is_running", value(p.stats.isRunning, "")}};
    out += element_of(texts, "accounted_processes", "accounted_process_info", depth);
  }
  return out;
}

std::string clock_element(const Run& run, const Gpu& gpu, std::string_view name, unsigned depth) {
  const ClockList clocks = supported_clocks_of(run, gpu);
  if (clocks.code != NVML_SUCCESS) {
    return xml_line(name, shown_code(run, clocks.code), depth);
  }
  std::string out;
  for (const MemoryClock& memory : clocks.memory) {
    std::string lines = xml_line("value", text("%u MHz", memory.mhz), depth + 2);
    for (const unsigned mhz : memory.graphics_mhz) {
      lines += xml_line("supported_graphics_clock", text("%u MHz", mhz), depth + 2);
    }
    out += around("supported_mem_clock", lines, depth + 1);
  }
  return around(name, out, depth);
}

const XmlValue* value_of(const Run& run,
                         const Gpu& gpu,
                         std::string_view parent,
                         std::string_view name) {
  const std::string path = path_of(parent, name);
  for (const XmlValue& value : xml_values()) {
    if (path == value.path && applies(run, gpu, value.when)) {
      return &value;
    }
  }
  return nullptr;
}

std::optional<std::string> value_text(const Run& run, const Gpu& gpu, const XmlValue& value) {
  if (*value.source == '?') {
    return readable(run, gpu, value.source + 1) ? std::nullopt : std::optional<std::string>(kNone);
  }
  if (*value.source != '~') {
    return shown_value(run, gpu, value.source);
  }
  const std::string shown = shown_value(run, gpu, value.source + 1);
  return shown.rfind("0x", 0) == 0 ? shown.substr(2) : shown;
}

std::optional<std::string> block_of(const Run& run,
                                    const Gpu& gpu,
                                    std::string_view name,
                                    unsigned depth) {
  if (name == "mig_devices") {
    return around(name, mig_lines(run, gpu, depth + 1), depth);
  }
  if (name == "processes") {
    return around(name, process_lines(run, gpu, depth + 1), depth);
  }
  if (name == "accounted_processes") {
    return around(name, accounted_lines(run, gpu, depth + 1), depth);
  }
  if (name == "supported_clocks") {
    return clock_element(run, gpu, name, depth);
  }
  return std::nullopt;
}

XmlSource gpu_source(const Run& run, const Gpu& gpu) {
  XmlSource source;
  source.knows = [&run, &gpu](std::string_view parent, std::string_view name) {
    return value_of(run, gpu, parent, name) != nullptr;
  };
  source.text = [&run, &gpu](std::string_view parent, std::string_view name) {
    const XmlValue* value = value_of(run, gpu, parent, name);
    return value == nullptr ? std::nullopt : value_text(run, gpu, *value);
  };
  source.block = [&run, &gpu](std::string_view name, unsigned depth) {
    return block_of(run, gpu, name, depth);
  };
  return source;
}

std::string heading(const XmlSchema& schema, Dtd dtd) {
  const std::string root = schema.elements.front().name;
  std::string out = "<?xml version=\"1.0\" ?>\n<!DOCTYPE " + root;
  if (dtd == Dtd::kEmbedded) {
    return out + " [\n" + dtd_text(schema) + "]>\n";
  }
  return out + " SYSTEM \"" + schema.file + "\">\n";
}

Texts head_texts(const Run& run) {
  return {{"nvidia_smi_log/timestamp", now_text()},
          {"nvidia_smi_log/driver_version", run.session.driver_version()},
          {"nvidia_smi_log/cuda_version", cuda_version(run)}};
}

}  // namespace

int show_xml(const Run& run, const std::vector<Gpu>& gpus, Dtd dtd) {
  unsigned count = 0;
  if (const nvmlReturn_t code = run.nvml.nvmlDeviceGetCount_v2(&count); code != NVML_SUCCESS) {
    run.print(text("Failed to count GPUs: %s\n", run.why(code).c_str()));
    return exit_code(code);
  }
  Texts texts = head_texts(run);
  texts["nvidia_smi_log/attached_gpus"] = std::to_string(count);
  texts["nvidia_smi_log/gpu"] = "";  // known, and rendered by the block below
  XmlSource source = source_of(texts);
  source.block = [&](std::string_view name, unsigned depth) -> std::optional<std::string> {
    if (name != "gpu") {
      return std::nullopt;
    }
    std::string out;
    for (const Gpu& gpu : gpus) {
      out += xml_element(device_schema(),
                         gpu_source(run, gpu),
                         "nvidia_smi_log",
                         "gpu",
                         depth,
                         " id=\"" + bus_id(run, gpu.device) + "\"") +
             "\n";
    }
    return out;
  };
  run.print(heading(device_schema(), dtd) +
            xml_element(device_schema(), source, "", "nvidia_smi_log", 0));
  return 0;
}

int show_units(const Run& run, bool as_xml, Dtd dtd) {
  unsigned count = 0;
  if (const nvmlReturn_t code = run.nvml.nvmlUnitGetCount(&count); code != NVML_SUCCESS) {
    run.print(text("Failed to count units: %s\n", run.why(code).c_str()));
    return exit_code(code);
  }
  if (as_xml) {
    Texts texts = head_texts(run);
    texts["nvidia_smi_log/attached_units"] = std::to_string(count);
    XmlSource source = source_of(texts);
    source.block = [](std::string_view name, unsigned depth) -> std::optional<std::string> {
      return name == "hic_info" ? std::optional(around(name, "", depth)) : std::nullopt;
    };
    run.print(heading(unit_schema(), dtd) +
              xml_element(unit_schema(), source, "", "nvidia_smi_log", 0));
    return 0;
  }
  run.print(
      "\n==============NVSMI LOG==============\n\n" + detail_line(0, "Timestamp", now_text()) +
      detail_line(0, "Driver Version", run.session.driver_version()) +
      detail_line(0, "CUDA Version", cuda_version(run)) + "\n" + detail_line(0, "HIC Info", kNone) +
      detail_line(0, "Attached Units", std::to_string(count)) + "\n");
  return 0;
}

}  // namespace mig::smi
