// SPDX-License-Identifier: Apache-2.0
#include "smi/pmon.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "base/strings.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi pmon -h";
constexpr unsigned kMaxDelay = 10;
constexpr unsigned kMaxCount = 1U << 30U;

std::string cell(const std::optional<unsigned>& percent) {
  return percent ? std::to_string(*percent) : "-";
}

std::string line(unsigned gpu,
                 const std::string& pid,
                 const std::string& type,
                 const PmonLoad& load,
                 const std::string& command) {
  return text("%5u%11s%6s%7s%7s%7s%7s%7s%7s    %-15.15s\n",
              gpu,
              pid.c_str(),
              type.c_str(),
              cell(load.sm).c_str(),
              cell(load.memory).c_str(),
              cell(load.encoder).c_str(),
              cell(load.decoder).c_str(),
              cell(load.jpeg).c_str(),
              cell(load.ofa).c_str(),
              command.c_str());
}

// The newest sample of each process since `since_us`; a driver that gives none says so by a code.
std::map<unsigned, PmonLoad> loads(const Run& run,
                                   nvmlDevice_t device,
                                   unsigned long long since_us) {
  std::map<unsigned, PmonLoad> by_pid;
  unsigned count = 0;
  const auto& call = run.nvml.nvmlDeviceGetProcessUtilization;
  const nvmlReturn_t code = call(device, nullptr, &count, since_us);
  if ((code != NVML_SUCCESS && code != NVML_ERROR_INSUFFICIENT_SIZE) || count == 0)
    return by_pid;
  std::vector<nvmlProcessUtilizationSample_t> samples(count);
  if (call(device, samples.data(), &count, since_us) != NVML_SUCCESS)
    return by_pid;
  samples.resize(std::min<std::size_t>(count, samples.size()));
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
    return a.timeStamp < b.timeStamp;
  });
  for (const auto& s : samples)
    if (s.pid != 0)
      by_pid[s.pid] = {s.smUtil, s.memUtil, s.encUtil, s.decUtil, std::nullopt, std::nullopt};
  return by_pid;
}

unsigned long long now_us() {
  return static_cast<unsigned long long>(std::chrono::duration_cast<std::chrono::microseconds>(
                                             std::chrono::system_clock::now().time_since_epoch())
                                             .count());
}

std::string sample(const Run& run, const std::vector<Gpu>& gpus, unsigned delay_s) {
  constexpr unsigned long long kSecond = 1000000;
  std::string out;
  for (const Gpu& gpu : gpus) {
    const std::vector<Process> processes = processes_on(run, gpu);
    if (processes.empty()) {
      out += pmon_idle_line(gpu.index);
      continue;
    }
    const auto by_pid = loads(run, gpu.device, now_us() - delay_s * kSecond);
    for (const Process& process : processes) {
      const auto load = by_pid.find(process.pid);
      out += pmon_line(process, load == by_pid.end() ? PmonLoad{} : load->second);
    }
  }
  return out;
}

// pmon answers a wrong command line with its help, and calls that a success.
UsageError usage(const std::string& error) {
  return {error + pmon_help(), 0};
}

bool valid(const Options& options, const char* name, unsigned max) {
  if (!options.has(name))
    return true;
  const auto value = base::parse_decimal(options.get(name), max);
  return value && *value > 0;
}

unsigned value_of(const Options& options, const char* name, unsigned max, unsigned otherwise) {
  const auto value = base::parse_decimal(options.get(name), max);
  return value ? static_cast<unsigned>(*value) : otherwise;
}

}  // namespace

std::string pmon_heading() {
  return "# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command \n"
         "# Idx           #    C/G      %      %      %      %      %      %    name \n";
}

std::string pmon_line(const Process& process, const PmonLoad& load) {
  return line(
      process.gpu, std::to_string(process.pid), process.type, load, base_name(process.name));
}

std::string pmon_idle_line(unsigned gpu) {
  return line(gpu, "-", "-", {}, "-");
}

Options parse_pmon(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-c", "--count", Takes::kValue},
      {"-d", "--delay", Takes::kValue},
      {"-s", "--select", Takes::kValue},
  };
  return parse_options(words, kSpecs, kHelp, [](const std::string& word) {
    return usage("Option \"" + word + "\" is not recognized.\n");
  });
}

UsageError pmon_usage_error(const Options& options) {
  if (!options.error.empty())
    return options.error;
  if (!valid(options, "-c", kMaxCount))
    return usage("Invalid value for number of samples to be displayed\n");
  if (!valid(options, "-d", kMaxDelay))
    return usage("Collection delay/interval should be between 1 second and 10 seconds\n");
  if (options.has("-s") && options.get("-s") != "u")
    return {
        text("ERROR: -s %s is not served: this dialect shows utilization (u) only. Please run "
             "'%s' for help.\n",
             options.get("-s").c_str(),
             kHelp)};
  return {};
}

std::string pmon_help() {
  return R"(
    pmon -- process statistics in scrolling form.

    Usage: nvidia-smi pmon [options]

    -i | --id       comma-separated index, PCI bus ID or UUID; default: all GPUs
    -d | --delay    seconds between samples, 1 to 10; default 1
    -c | --count    samples to take; default: until Ctrl+C
    -s | --select   u: utilization (the only group here)
    -h | --help

)";
}

int run_pmon(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), &exit);
  if (exit != 0)
    return exit;
  const unsigned count = value_of(options, "-c", kMaxCount, 0);
  const unsigned delay_s = value_of(options, "-d", kMaxDelay, 1);
  run.print(pmon_heading());
  for (unsigned taken = 0; count == 0 || taken < count; ++taken) {
    if (taken > 0)
      std::this_thread::sleep_for(std::chrono::seconds(delay_s));
    run.print(sample(run, gpus, delay_s));
    std::fflush(run.out);
  }
  return 0;
}

}  // namespace mig::smi
