// SPDX-License-Identifier: Apache-2.0
#include "smi/pmon.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "base/strings.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi pmon -h";
constexpr std::size_t kMaxGpus = 4;  // nvidia-smi's limit
constexpr ScrollLimits kLimits = {10, pmon_help};

template <class Number>
std::string cell(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "-";
}

// Columns between a process's type and its name.
std::string columns(const PmonLayout& layout,
                    const std::vector<std::string>& load,
                    const std::vector<std::string>& memory) {
  std::string out;
  for (const char group : layout.groups) {
    for (const std::string& column : group == 'u' ? load : memory) {
      out += text("%7s", column.c_str());
    }
  }
  return out;
}

std::string line(const std::string& first,
                 const std::string& pid,
                 const std::string& type,
                 const std::string& columns,
                 const std::string& command) {
  return first + text("%11s%6s%s    %-15.15s\n",
                      pid.c_str(),
                      type.c_str(),
                      columns.c_str(),
                      command.c_str());
}

// An unused engine shows "-" (H200, 580.159.04: also for a training at 99 % of the SMs).
std::optional<unsigned> used(unsigned percent) {
  return percent != 0 ? std::optional(percent) : std::nullopt;
}

// The newest sample of each process since `since_us`; empty when the driver has none.
std::map<unsigned, PmonLoad> loads(const Run& run,
                                   nvmlDevice_t device,
                                   unsigned long long since_us) {
  std::map<unsigned, PmonLoad> by_pid;
  unsigned count = 0;
  const auto& call = run.nvml.nvmlDeviceGetProcessUtilization;
  const nvmlReturn_t code = call(device, nullptr, &count, since_us);
  if ((code != NVML_SUCCESS && code != NVML_ERROR_INSUFFICIENT_SIZE) || count == 0) {
    return by_pid;
  }
  std::vector<nvmlProcessUtilizationSample_t> samples(count);
  if (call(device, samples.data(), &count, since_us) != NVML_SUCCESS) {
    return by_pid;
  }
  samples.resize(std::min<std::size_t>(count, samples.size()));
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
    return a.timeStamp < b.timeStamp;
  });
  for (const auto& s : samples) {
    if (s.pid != 0) {
      by_pid[s.pid] = {
          s.smUtil, s.memUtil, used(s.encUtil), used(s.decUtil), std::nullopt, std::nullopt};
    }
  }
  return by_pid;
}

unsigned long long now_us() {
  return static_cast<unsigned long long>(std::chrono::duration_cast<std::chrono::microseconds>(
                                             std::chrono::system_clock::now().time_since_epoch())
                                             .count());
}

// With confidential computing off no process has protected memory; with it on NVML's process lists
// do not attribute it.
std::optional<unsigned long long> protected_of(const Run& run, nvmlDevice_t device) {
  nvmlMemory_t memory{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetConfComputeProtectedMemoryUsage(device, &memory);
  return code == NVML_SUCCESS && memory.total == 0 ? std::optional(0ULL) : std::nullopt;
}

std::string sample(const Run& run,
                   const std::vector<Gpu>& gpus,
                   const PmonLayout& layout,
                   unsigned delay_s) {
  constexpr unsigned long long kSecond = 1000000;
  std::string out;
  for (const Gpu& gpu : gpus) {
    const std::vector<Process> processes = processes_on(run, gpu);
    if (processes.empty()) {
      out += pmon_idle_line(layout, gpu.index);
      continue;
    }
    const auto by_pid = loads(run, gpu.device, now_us() - delay_s * kSecond);
    const auto protected_mib = protected_of(run, gpu.device);
    for (const Process& process : processes) {
      const auto load = by_pid.find(process.pid);
      out += pmon_line(
          layout, process, {load == by_pid.end() ? PmonLoad{} : load->second, protected_mib});
    }
  }
  return out;
}

// Known letters of -s, each once; "" = none.
std::string groups_of(const Options& options) {
  if (!options.has("-s")) {
    return "u";
  }
  std::string groups;
  for (const char letter : options.get("-s")) {
    if ((letter == 'u' || letter == 'm') && groups.find(letter) == std::string::npos) {
      groups += letter;
    }
  }
  return groups;
}

}  // namespace

std::string pmon_heading(const PmonLayout& layout) {
  const std::string names =
      columns(layout, {"sm", "mem", "enc", "dec", "jpg", "ofa"}, {"fb", "ccpm"});
  const std::string units = columns(layout, {"%", "%", "%", "%", "%", "%"}, {"MB", "MB"});
  return scroll_heading(layout.stamp, false) + "         pid   type" + names + "    command \n" +
         scroll_units(layout.stamp, false) + "           #    C/G" + units + "    name \n";
}

std::string pmon_line(const PmonLayout& layout, const Process& process, const PmonSample& sample) {
  const PmonLoad& load = sample.load;
  return line(scroll_row(layout.stamp, process.gpu, false),
              std::to_string(process.pid),
              process.type,
              columns(layout,
                      {cell(load.sm),
                       cell(load.memory),
                       cell(load.encoder),
                       cell(load.decoder),
                       cell(load.jpeg),
                       cell(load.ofa)},
                      {cell(process.memory_mib), cell(sample.protected_mib)}),
              base_name(process.name));
}

std::string pmon_idle_line(const PmonLayout& layout, unsigned gpu) {
  const std::string nothing =
      columns(layout, std::vector<std::string>(6, "-"), std::vector<std::string>(2, "-"));
  return line(scroll_row(layout.stamp, gpu, false), "-", "-", nothing, "-");
}

Options parse_pmon(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-c", "--count", Takes::kValue},
      {"-d", "--delay", Takes::kValue},
      {"-s", "--select", Takes::kValue},
      {"-o", "--options", Takes::kValue},
      {"--filename", "-f", Takes::kValue},
  };
  return parse_options(words, kSpecs, kHelp, [](const std::string& word) {
    return scroll_unknown(word, pmon_help);
  });
}

UsageError pmon_usage_error(const Options& options) {
  if (UsageError error = scroll_usage_error(options, kLimits); !error.empty()) {
    return error;
  }
  return groups_of(options).empty() ? scroll_refused("Failed to find any metric to display")
                                    : UsageError{};
}

std::string pmon_help() {
  return R"(
    pmon -- process statistics in scrolling form.

    Usage: nvidia-smi pmon [options]

    -i | --id        comma-separated index, PCI bus ID or UUID; default: the first 4 GPUs
    -d | --delay     seconds between samples, 1 to 10; default 1
    -c | --count     samples to take; default: until Ctrl+C
    -s | --select    groups of columns: u utilization, m memory; default u
    -o | --options   D date, T time before each line
    -f | --filename  into this file instead of to the terminal
    -h | --help

)";
}

int run_pmon(const Run& run, const Options& options) {
  int exit = 0;
  std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  gpus.resize(std::min(gpus.size(), kMaxGpus));
  const PmonLayout layout{groups_of(options), scroll_stamp(options)};
  const auto delay = base::parse_decimal(options.get("-d"), kLimits.max_delay_s);
  const unsigned delay_s = delay ? static_cast<unsigned>(*delay) : 1;
  run.print(pmon_heading(layout));
  return scroll(run, options, [&] { return sample(run, gpus, layout, delay_s); });
}

}  // namespace mig::smi
