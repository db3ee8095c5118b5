// SPDX-License-Identifier: Apache-2.0
#include "smi/detail.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "smi/list_gpus.h"
#include "smi/processes.h"
#include "smi/query.h"
#include "smi/summary.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kNone = "N/A";

const QueryField* find(std::span<const QueryField> fields, const char* name) {
  for (const QueryField& field : fields)
    if (std::strcmp(field.name, name) == 0)
      return &field;
  return nullptr;
}

const QueryField* property(const char* source) {
  return *source == '@' ? find(detail_fields(), source) : find(query_fields(), source);
}

// Here missing values stand without the brackets that they have in CSV.
std::string value_of(const Run& run, const Gpu& gpu, const char* source) {
  const QueryField* field = *source != '\0' ? property(source) : nullptr;
  if (field == nullptr)
    return kNone;
  const FieldValue value = field->read(run, gpu);
  if (value.code != NVML_SUCCESS) {
    const std::string missing = missing_text(run, value.code);
    return missing.substr(1, missing.size() - 2);
  }
  return *field->unit != '\0' ? value.text + " " + field->unit : value.text;
}

std::string number_line(unsigned depth,
                        const char* label,
                        unsigned long long number,
                        const char* unit = "") {
  return detail_line(depth, label, text("%llu%s", number, unit));
}

std::string mig_block(const Run& run, const MigDevice& mig) {
  const nvml::Functions& nvml = run.nvml;
  unsigned gi = 0;
  unsigned ci = 0;
  nvml.nvmlDeviceGetGpuInstanceId(mig.device, &gi);
  nvml.nvmlDeviceGetComputeInstanceId(mig.device, &ci);
  nvmlDeviceAttributes_t attributes{};
  nvml.nvmlDeviceGetAttributes_v2(mig.device, &attributes);
  unsigned long long errors = 0;
  const nvmlReturn_t ecc = nvml.nvmlDeviceGetMemoryErrorCounter(mig.device,
                                                                NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                                                                NVML_VOLATILE_ECC,
                                                                NVML_MEMORY_LOCATION_SRAM,
                                                                &errors);
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  nvml.nvmlDeviceGetMemoryInfo_v2(mig.device, &memory);
  nvmlBAR1Memory_t bar1{};
  const bool has_bar1 = nvml.nvmlDeviceGetBAR1MemoryInfo(mig.device, &bar1) == NVML_SUCCESS;
  const auto bar1_line = [&](const char* label, unsigned long long bytes) {
    return detail_line(3, label, has_bar1 ? text("%llu MiB", mib(bytes)) : kNone);
  };
  return detail_line(1, "MIG Device", "") + number_line(2, "Index", mig.index) +
         number_line(2, "GPU Instance ID", gi) + number_line(2, "Compute Instance ID", ci) +
         detail_line(2, "Device Attributes", "") + detail_line(3, "Shared", "") +
         number_line(4, "Multiprocessor count", attributes.multiprocessorCount) +
         number_line(4, "Copy Engine count", attributes.sharedCopyEngineCount) +
         number_line(4, "Encoder count", attributes.sharedEncoderCount) +
         number_line(4, "Decoder count", attributes.sharedDecoderCount) +
         number_line(4, "OFA count", attributes.sharedOfaCount) +
         number_line(4, "JPG count", attributes.sharedJpegCount) +
         detail_line(2, "ECC Errors", "") + detail_line(3, "Volatile", "") +
         detail_line(
             4, "SRAM Uncorrectable", ecc == NVML_SUCCESS ? std::to_string(errors) : kNone) +
         detail_line(2, "Shared FB Memory Usage", "") +
         number_line(3, "Total", mib(memory.total), " MiB") +
         number_line(3, "Reserved", mib(memory.reserved), " MiB") +
         number_line(3, "Used", mib(memory.used), " MiB") +
         number_line(3, "Free", mib(memory.free), " MiB") +
         detail_line(2, "Shared BAR1 Memory", "") + bar1_line("Total", bar1.bar1Total) +
         bar1_line("Used", bar1.bar1Used) + bar1_line("Free", bar1.bar1Free);
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

std::string process_block(const Run& run, const Gpu& gpu, unsigned depth) {
  const std::vector<Process> processes = processes_on(run, gpu);
  if (processes.empty())
    return detail_line(depth, "Processes", "None");
  std::string out = detail_line(depth, "Processes", "");
  const auto id = [](const std::optional<unsigned>& i) { return i ? std::to_string(*i) : kNone; };
  for (const Process& p : processes) {
    out += process_line(depth + 1, "GPU instance ID", id(p.gi));
    out += process_line(depth + 1, "Compute instance ID", id(p.ci));
    out += process_line(depth + 1, "Process ID", std::to_string(p.pid));
    out += process_line(depth + 2, "Type", p.type);
    out += process_line(depth + 2, "Name", p.name);
    out += process_line(
        depth + 2, "Used GPU Memory", p.memory_mib ? text("%llu MiB", *p.memory_mib) : kNone);
  }
  return out;
}

std::string block(const Run& run, const Gpu& gpu, const DetailRow& row) {
  if (std::strcmp(row.source, "#processes") == 0)
    return process_block(run, gpu, row.depth);
  std::string out;
  for (const MigDevice& mig : mig_devices(run, gpu.device))
    out += mig_block(run, mig);
  return out;
}

bool selected(const DetailRow& row, const std::vector<std::string>& sections) {
  return sections.empty() ||
         std::find(sections.begin(), sections.end(), row.section) != sections.end();
}

std::string gpu_detail(const Run& run, const Gpu& gpu, const std::vector<std::string>& sections) {
  std::string out = "GPU " + bus_id(run, gpu.device) + "\n";
  unsigned skip_below = ~0U;  // rows deeper than this belong to a heading that turned out N/A
  for (const DetailRow& row : detail_rows()) {
    if (!selected(row, sections) || row.depth > skip_below)
      continue;
    skip_below = ~0U;
    if (row.source == nullptr) {
      out += detail_line(row.depth, row.label, "");
    } else if (*row.source == '#') {
      out += block(run, gpu, row);
    } else if (*row.source == '?') {
      const bool readable = property(row.source + 1)->read(run, gpu).code == NVML_SUCCESS;
      out += detail_line(row.depth, row.label, readable ? "" : kNone);
      skip_below = readable ? ~0U : row.depth;
    } else {
      out += detail_line(row.depth, row.label, value_of(run, gpu, row.source));
    }
  }
  return out + "\n";
}

std::vector<std::string> section_names(const std::string& list) {
  return list.empty() ? std::vector<std::string>{} : base::split(list, ',');
}

}  // namespace

std::string detail_line(unsigned depth, const std::string& label, const std::string& value) {
  constexpr int kColumn = 55;
  const int indent = static_cast<int>(4 * depth);
  if (value.empty())
    return text("%*s%s\n", indent, "", label.c_str());
  return text("%*s%-*s: %s\n", indent, "", kColumn - indent, label.c_str(), value.c_str());
}

std::string detail_sections_error(const std::string& list) {
  for (const std::string& name : section_names(list)) {
    const auto rows = detail_rows();
    const auto is_it = [&](const DetailRow& row) { return name == row.section; };
    if (name.empty() || std::none_of(rows.begin(), rows.end(), is_it))
      return "Failed to parse --display/-d flags\n";
  }
  return "";
}

int show_detail(const Run& run, const std::vector<Gpu>& gpus, const std::string& sections) {
  unsigned count = 0;
  if (const nvmlReturn_t code = run.nvml.nvmlDeviceGetCount_v2(&count); code != NVML_SUCCESS) {
    run.print(text("Failed to count GPUs: %s\n", run.why(code).c_str()));
    return exit_code(code);
  }
  std::string out = "\n==============NVSMI LOG==============\n\n";
  out += detail_line(0, "Timestamp", now_text());
  out += detail_line(0, "Driver Version", run.session.driver_version());
  out += detail_line(0, "CUDA Version", cuda_version(run)) + "\n";
  out += detail_line(0, "Attached GPUs", std::to_string(count));
  const std::vector<std::string> names = section_names(sections);
  for (const Gpu& gpu : gpus)
    out += gpu_detail(run, gpu, names);
  run.print(out);
  return 0;
}

}  // namespace mig::smi
