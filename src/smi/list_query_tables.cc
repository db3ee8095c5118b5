// SPDX-License-Identifier: Apache-2.0
// Fields of the list queries. Names, aliases and units are those of driver 580 (H200).
#include <algorithm>
#include <array>
#include <ctime>

#include "smi/list_query.h"
#include "smi/readings.h"

namespace mig::smi {
namespace {

constexpr unsigned kMaxList = 1U << 16U;  // bounds the allocation against a bogus count

FieldValue number(unsigned long long value) {
  return {NVML_SUCCESS, std::to_string(value)};
}

// Local time to the second, in nvidia-smi's format.
std::string stamp(unsigned long long seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  std::array<char, 64> buffer{};
  std::strftime(buffer.data(), buffer.size(), "%Y/%m/%d %H:%M:%S", &local);
  return buffer.data();
}

bool asks_for(std::span<const ListField> fields, const std::string& name) {
  return std::any_of(
      fields.begin(), fields.end(), [&](const ListField& field) { return name == field.name; });
}

std::vector<ListRow> compute_apps(const Run& run, const Gpu& gpu, std::span<const ListField>) {
  std::vector<ListRow> rows;
  for (const Process& process : processes_on(run, gpu)) {
    if (process.type == "G") {  // graphics only
      continue;
    }
    rows.emplace_back();
    rows.back().process = process;
  }
  return rows;
}

std::vector<ListRow> accounted_apps(const Run& run, const Gpu& gpu, std::span<const ListField>) {
  std::vector<ListRow> rows;
  for (const Accounted& process : accounted_on(run, gpu)) {
    ListRow row;
    row.pid = process.pid;
    row.code = process.code;
    row.stats = process.stats;
    rows.push_back(row);
  }
  return rows;
}

// A driver without page retirement returns its code once per cause.
std::vector<ListRow> retired_pages(const Run& run, const Gpu& gpu, std::span<const ListField>) {
  std::vector<ListRow> rows;
  for (const auto& [cause, words] :
       {std::pair(NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS, "Single Bit ECC"),
        {NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR, "Double Bit ECC"}}) {
    const auto& call = run.nvml.nvmlDeviceGetRetiredPages_v2;
    unsigned count = 0;
    nvmlReturn_t code = call(gpu.device, cause, &count, nullptr, nullptr);
    std::vector<unsigned long long> pages(std::min(count, kMaxList));
    std::vector<unsigned long long> times(pages.size());
    count = static_cast<unsigned>(pages.size());
    if ((code == NVML_SUCCESS || code == NVML_ERROR_INSUFFICIENT_SIZE) && count > 0) {
      code = call(gpu.device, cause, &count, pages.data(), times.data());
    }
    ListRow row;
    row.code = code;
    row.cause = words;
    if (code != NVML_SUCCESS) {
      rows.push_back(row);
    }
    for (unsigned i = 0; code == NVML_SUCCESS && i < std::min<std::size_t>(count, pages.size());
         ++i) {
      row.address = pages[i];
      row.time_s = times[i] / 1000000;
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<ListRow> one_row(const Run&, const Gpu&, std::span<const ListField>) {
  return std::vector<ListRow>(1);
}

std::vector<ListRow> supported_clocks(const Run& run,
                                      const Gpu& gpu,
                                      std::span<const ListField> fields) {
  std::vector<ListRow> rows;
  const ClockList clocks = supported_clocks_of(run, gpu);
  ListRow row;
  row.code = clocks.code;
  if (clocks.code != NVML_SUCCESS) {
    rows.push_back(row);
  }
  for (const MemoryClock& memory : clocks.memory) {
    row.memory_mhz = memory.mhz;
    if (!asks_for(fields, "graphics")) {
      rows.push_back(row);
      continue;
    }
    if (memory.code != NVML_SUCCESS) {
      ListRow unknown = row;
      unknown.code = memory.code;
      rows.push_back(unknown);
    }
    for (const unsigned mhz : memory.graphics_mhz) {
      row.graphics_mhz = mhz;
      rows.push_back(row);
    }
  }
  return rows;
}

constexpr ListField kHead[] = {
    {"timestamp", nullptr, "", "When the query was made.", nullptr},
    {"gpu_name", nullptr, "", "The product's name.", nullptr, "name"},
    {"gpu_bus_id", nullptr, "", "PCI domain:bus:device.function.", nullptr, "pci.bus_id"},
    {"gpu_serial", nullptr, "", "The serial number on the board.", nullptr, "serial"},
    {"gpu_uuid", nullptr, "", "The identifier that never changes.", nullptr, "uuid"},
};

constexpr ListField kComputeApps[] = {
    {"pid", nullptr, "", "Process ID.", [](const ListRow& r) { return number(r.process.pid); }},
    {"process_name",
     "name",
     "",
     "The process's program.",
     [](const ListRow& r) {
       return FieldValue{NVML_SUCCESS, r.process.name};
     }},
    {"used_gpu_memory",
     "used_memory",
     "MiB",
     "Memory that the process holds on the GPU.",
     [](const ListRow& r) {
       return r.process.memory_mib ? number(*r.process.memory_mib)
                                   : FieldValue{NVML_ERROR_NOT_SUPPORTED, ""};
     }},
};

constexpr ListField kAccountedApps[] = {
    {"vgpu_instance",
     nullptr,
     "",
     "The vGPU, on a host of them.",
     [](const ListRow&) {
       return FieldValue{NVML_ERROR_NOT_SUPPORTED, ""};
     }},
    {"pid", nullptr, "", "Process ID.", [](const ListRow& r) { return number(r.pid); }},
    {"gpu_utilization",
     "gpu_util",
     "%",
     "Time during which a kernel of the process ran.",
     [](const ListRow& r) { return number(r.stats.gpuUtilization); }},
    {"mem_utilization",
     "mem_util",
     "%",
     "Time during which memory was read or written for it.",
     [](const ListRow& r) { return number(r.stats.memoryUtilization); }},
    {"max_memory_usage",
     nullptr,
     "MiB",
     "The most memory that it held.",
     [](const ListRow& r) {
       return r.stats.maxMemoryUsage == static_cast<unsigned long long>(NVML_VALUE_NOT_AVAILABLE)
                  ? FieldValue{NVML_ERROR_NOT_SUPPORTED, ""}
                  : number(mib(r.stats.maxMemoryUsage));
     }},
    {"time",
     nullptr,
     "ms",
     "How long its context was there.",
     [](const ListRow& r) { return number(r.stats.time); }},
};

constexpr ListField kRetiredPages[] = {
    {"retired_pages.address",
     nullptr,
     "",
     "Where the page lies.",
     [](const ListRow& r) {
       return FieldValue{NVML_SUCCESS, text("0x%016llx", r.address)};
     }},
    {"retired_pages.timestamp",
     nullptr,
     "",
     "When it was retired.",
     [](const ListRow& r) {
       return FieldValue{NVML_SUCCESS, stamp(r.time_s)};
     }},
    {"retired_pages.cause",
     nullptr,
     "",
     "Single or double bit ECC errors.",
     [](const ListRow& r) {
       return FieldValue{NVML_SUCCESS, r.cause};
     },
     nullptr,
     true},
};

constexpr ListField kRemappedRows[] = {
    {"remapped_rows.correctable",
     "remapped_rows.sbe",
     "",
     "Rows remapped for correctable errors.",
     nullptr},
    {"remapped_rows.correctable_inactive",
     nullptr,
     "",
     "Of those, rows whose remapping is not in effect.",
     nullptr,
     "@inactive_corrected"},
    {"remapped_rows.uncorrectable",
     "remapped_rows.dbe",
     "",
     "Rows remapped for uncorrectable errors.",
     nullptr},
    {"remapped_rows.uncorrectable_inactive",
     nullptr,
     "",
     "Of those, rows whose remapping is not in effect.",
     nullptr,
     "@inactive_uncorrected"},
    {"remapped_rows.pending", nullptr, "", "Whether a reset will remap rows.", nullptr},
    {"remapped_rows.failure", nullptr, "", "Whether a remapping ever failed.", nullptr},
    {"remapped_rows.histogram.max", nullptr, "", "Banks with all spare rows.", nullptr},
    {"remapped_rows.histogram.high", nullptr, "", "Banks with many.", nullptr},
    {"remapped_rows.histogram.partial", nullptr, "", "Banks with some.", nullptr},
    {"remapped_rows.histogram.low", nullptr, "", "Banks with few.", nullptr},
    {"remapped_rows.histogram.none", nullptr, "", "Banks with none.", nullptr},
};

constexpr ListField kSupportedClocks[] = {
    {"memory",
     "mem",
     "MHz",
     "A clock that the memory can run at.",
     [](const ListRow& r) { return number(r.memory_mhz); }},
    {"graphics",
     "gr",
     "MHz",
     "A graphics clock that goes with it.",
     [](const ListRow& r) { return number(r.graphics_mhz); }},
};

constexpr ListQuery kQueries[] = {
    {"--query-compute-apps",
     "--help-query-compute-apps",
     "One line for each process that computes on the GPU.",
     kComputeApps,
     compute_apps},
    {"--query-accounted-apps",
     "--help-query-accounted-apps",
     "One line for each process that accounting counted, running or ended.",
     kAccountedApps,
     accounted_apps},
    {"--query-retired-pages",
     "--help-query-retired-pages",
     "One line for each page of memory that was taken out of use.",
     kRetiredPages,
     retired_pages},
    {"--query-remapped-rows",
     "--help-query-remapped-rows",
     "One line for each GPU: rows of memory that spare ones stand in for.",
     kRemappedRows,
     one_row},
    {"--query-supported-clocks",
     "--help-query-supported-clocks",
     "One line for each pair of clocks that applications can be given.",
     kSupportedClocks,
     supported_clocks},
};

}  // namespace

std::span<const ListField> list_query_head() {
  return kHead;
}

std::span<const ListQuery> list_queries() {
  return kQueries;
}

}  // namespace mig::smi
