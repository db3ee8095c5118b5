// SPDX-License-Identifier: Apache-2.0
#include "smi/detail.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/detail_blocks.h"
#include "smi/property.h"
#include "smi/summary.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

using Sections = std::vector<std::string>;

// Section names that -d accepts; VOLTAGE has no rows on boards with MIG.
constexpr std::array<const char*, 20> kSections = {"MEMORY",
                                                   "UTILIZATION",
                                                   "ECC",
                                                   "TEMPERATURE",
                                                   "POWER",
                                                   "CLOCK",
                                                   "COMPUTE",
                                                   "PIDS",
                                                   "PERFORMANCE",
                                                   "SUPPORTED_CLOCKS",
                                                   "PAGE_RETIREMENT",
                                                   "ACCOUNTING",
                                                   "ENCODER_STATS",
                                                   "SUPPORTED_GPU_TARGET_TEMP",
                                                   "VOLTAGE",
                                                   "FBC_STATS",
                                                   "ROW_REMAPPER",
                                                   "GSP_FIRMWARE_VERSION",
                                                   "POWER_SMOOTHING",
                                                   "POWER_PROFILES"};

// Lower-case names of a list: "MEMORY,,ecc" -> {"memory", "ecc"}.
Sections section_names(const std::string& list) {
  Sections names;
  for (const std::string& name : base::split(list, ',')) {
    if (!name.empty()) {
      names.push_back(base::lower(name));
    }
  }
  return names;
}

bool selected(const DetailRow& row, const Sections* sections) {
  const bool only_with = *row.section == '+';
  if (sections == nullptr) {
    return !only_with;
  }
  const std::string section = base::lower(only_with ? row.section + 1 : row.section);
  return std::find(sections->begin(), sections->end(), section) != sections->end();
}

std::string gpu_detail(const Run& run, const Gpu& gpu, const Sections* sections) {
  std::string out = "GPU " + bus_id(run, gpu.device) + "\n";
  unsigned skip_below = ~0U;  // rows deeper than this belong to a heading that was N/A
  for (const DetailRow& row : detail_rows()) {
    if (!selected(row, sections) || row.depth > skip_below || !applies(run, gpu, row.when)) {
      continue;
    }
    skip_below = ~0U;
    if (row.source == nullptr) {
      out += detail_line(row.depth, row.label, "");
    } else if (*row.source == '#') {
      out += detail_block(run, gpu, row);
    } else if (*row.source == '?') {
      const bool below = readable(run, gpu, row.source + 1);
      out += detail_line(row.depth, row.label, below ? "" : "N/A");
      skip_below = below ? ~0U : row.depth;
    } else {
      out += detail_line(row.depth, row.label, shown_value(run, gpu, row.source));
    }
  }
  return out + "\n";
}

}  // namespace

std::string detail_line(unsigned depth, const std::string& label, const std::string& value) {
  constexpr int kColumn = 55;
  const int indent = static_cast<int>(4 * depth);
  if (value.empty()) {
    return text("%*s%s\n", indent, "", label.c_str());
  }
  return text("%*s%-*s: %s\n", indent, "", kColumn - indent, label.c_str(), value.c_str());
}

bool applies(const Run& run, const Gpu& gpu, const char* when) {
  if (when == nullptr) {
    return true;
  }
  return *when == '!' ? !readable(run, gpu, when + 1) : readable(run, gpu, when);
}

std::string detail_sections_error(const std::string& list) {
  for (const std::string& name : section_names(list)) {
    const auto is_it = [&](const char* section) { return name == base::lower(section); };
    if (std::none_of(kSections.begin(), kSections.end(), is_it)) {
      return "Failed to parse --display/-d flags\n";
    }
  }
  return "";
}

int show_detail(const Run& run, const std::vector<Gpu>& gpus, const std::string* sections) {
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
  const Sections names = sections != nullptr ? section_names(*sections) : Sections{};
  for (const Gpu& gpu : gpus) {
    out += gpu_detail(run, gpu, sections != nullptr ? &names : nullptr);
  }
  run.print(out);
  return 0;
}

}  // namespace mig::smi
