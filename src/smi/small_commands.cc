// SPDX-License-Identifier: Apache-2.0
#include "smi/small_commands.h"

#include <cstdlib>

#include "base/strings.h"
#include "smi/list_gpus.h"
#include "smi/query_value.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
Options parse_small(const std::vector<std::string>& words,
                    const std::vector<OptionSpec>& specs,
                    const char* help) {
  Options options = parse_options(words, specs, help, [](const std::string& word) {
    return UsageError{"Option \"" + word + "\" is not recognized.\n"};
  });
  if (!options.lacks_value.empty()) {
    options.error = {"Option \"" + options.lacks_value + "\" is missing its value.\n"};
  }
  if (words.empty()) {
    options.values["-h"] = "";
  }
  return options;
}

// clocks: boost groups and sparse mode have no public NVML call.

Options parse_clocks(const std::vector<std::string>& words) {
  return parse_small(words,
                     {{"-h", "--help", Takes::kNothing},
                      {"-i", "--id", Takes::kValue},
                      {"--sync-boost-list", nullptr, Takes::kNothing},
                      {"--sync-boost-add", nullptr, Takes::kNothing},
                      {"--sync-boost-remove", nullptr, Takes::kMaybeValue},
                      {"-som", "--sparse-operation-mode", Takes::kMaybeValue}},
                     "nvidia-smi clocks -h");
}

UsageError clocks_usage_error(const Options& options) {
  return options.error.empty() ? belongs_elsewhere("clocks") : options.error;
}

std::string clocks_help() {
  return R"(
    clocks -- groups of GPUs that boost together, and sparse operation mode.

    No public call of NVML reads or sets them: NVIDIA's own nvidia-smi does. The clocks themselves
    are in "nvidia-smi -q -d CLOCK,SUPPORTED_CLOCKS" and "nvidia-smi dmon -s c".

)";
}

int run_clocks(const Run& run, const Options&) {
  const UsageError error = belongs_elsewhere("clocks");
  run.print(error.text);
  return error.exit;
}

namespace {

// Full PCI bus id: "0:6:0.0", "0000:00:06.0" -> "00000000:00:06.0"; "" if invalid.
std::string full_bus_id(const std::string& word) {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned function = 0;
  int length = 0;
  // %n stays 0 unless the whole text before it matched.
  const int fields = std::sscanf(  // NOLINT(cert-err34-c): the length says whether all was read
      word.c_str(),
      "%8x:%2x:%2x.%1x%n",
      &domain,
      &bus,
      &device,
      &function,
      &length);
  if (fields != 4 || static_cast<std::size_t>(length) != word.size()) {
    return "";
  }
  return text("%08X:%02X:%02X.%X", domain, bus, device, function);
}

}  // namespace

Options parse_drain(const std::vector<std::string>& words) {
  return parse_small(words,
                     {{"-h", "--help", Takes::kNothing},
                      {"-p", "--pciid", Takes::kValue},
                      {"-q", "--query", Takes::kNothing},
                      {"-m", "--modify", Takes::kMaybeValue},
                      {"-r", "--remove", Takes::kNothing},
                      {"-d", "--discover", Takes::kNothing}},
                     "nvidia-smi drain -h");
}

UsageError drain_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  for (const char* change : {"-m", "-r", "-d"}) {
    if (options.has(change)) {
      return belongs_elsewhere(text("drain %s", change));
    }
  }
  if (options.has("-q") && !options.has("-p")) {
    return {"Must specify -p with this option.\n"};
  }
  if (options.has("-p") && full_bus_id(options.get("-p")).empty()) {
    return {"Failed to parse device specified at the command-line\n"};
  }
  return {};
}

std::string drain_help() {
  return R"(
    drain -- whether a GPU accepts new clients.

    Usage: nvidia-smi drain -q -p <domain:bus:device.function>

    -q | --query   the state of the GPU of -p
    -p | --pciid   PCI address, hexadecimal
    -h | --help

    Draining, removing and discovering GPUs is left to NVIDIA's own nvidia-smi.

)";
}

int run_drain(const Run& run, const Options& options) {
  if (!options.has("-q")) {
    return 0;
  }
  const std::string id = full_bus_id(options.get("-p"));
  nvmlPciInfo_t pci{};
  nvmlDevice_t device = nullptr;
  nvmlEnableState_t draining = NVML_FEATURE_DISABLED;
  nvmlReturn_t code = run.nvml.nvmlDeviceGetHandleByPciBusId_v2(id.c_str(), &device);
  if (code == NVML_SUCCESS) {
    code = run.nvml.nvmlDeviceGetPciInfo_v3(device, &pci);
  }
  if (code == NVML_SUCCESS) {
    code = run.nvml.nvmlDeviceQueryDrainState(&pci, &draining);
  }
  if (code != NVML_SUCCESS) {
    run.print(
        text("Failed to query the drain state of GPU %s: %s\n", id.c_str(), run.why(code).c_str()));
    return exit_code(code);
  }
  run.print(text("The current drain state of GPU %s is: %s.\n",
                 id.c_str(),
                 draining == NVML_FEATURE_ENABLED ? "draining" : "not draining"));
  return 0;
}

Options parse_gpm(const std::vector<std::string>& words) {
  return parse_small(words,
                     {{"-h", "--help", Takes::kNothing},
                      {"-i", "--id", Takes::kValue},
                      {"-g", "--get-stream-state", Takes::kNothing},
                      {"-s", "--set-stream-state", Takes::kMaybeValue}},
                     "nvidia-smi gpm -h");
}

UsageError gpm_usage_error(const Options& options) {
  if (options.error.empty() && options.has("-s")) {
    return belongs_elsewhere("gpm -s");
  }
  return options.error;
}

std::string gpm_help() {
  return R"(
    gpm -- streaming of GPU performance metrics; the metrics are in "nvidia-smi dmon --gpm-metrics".

    Usage: nvidia-smi gpm -g [-i <id>]

    -g | --get-stream-state
    -i | --id   index, PCI bus ID or UUID; comma-separated
    -h | --help

)";
}

// Prints one state for any number of GPUs (H200 x2, 580.159.04): the first one's.
int run_gpm(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0 || !options.has("-g")) {
    return exit;
  }
  unsigned state = 0;
  const nvmlReturn_t code = run.nvml.nvmlGpmQueryIfStreamingEnabled(gpus.front().device, &state);
  if (code != NVML_SUCCESS) {
    run.print(text("Failed to read the GPM stream state: %s\n", run.why(code).c_str()));
    return exit_code(code);
  }
  run.print(text("GPM stream state: %s\n", state != 0 ? "ENABLED" : "DISABLED"));
  return 0;
}

// vgpu: only a vGPU host has output.

Options parse_vgpu(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-gi", "--gpu-instance-id", Takes::kValue},
      {"-q", "--query", Takes::kNothing},
      {"-s", "--supported", Takes::kNothing},
      {"-c", "--creatable", Takes::kNothing},
      {"-u", "--utilization", Takes::kNothing},
      {"-p", "--process-utilization", Takes::kNothing},
      {"-v", "--verbose", Takes::kNothing},
      {"-l", "--loop", Takes::kMaybeValue},
      {"-lms", "--loop-ms", Takes::kValue},
  };
  Options options = parse_small(words, kSpecs, "nvidia-smi vgpu -h");
  if (words.empty()) {
    options.values.erase("-h");  // without options the command lists vGPUs
  }
  return options;
}

UsageError vgpu_usage_error(const Options& options) {
  return options.error;
}

std::string vgpu_help() {
  return R"(
    vgpu -- virtual GPUs on a host of them. A GPU in MIG mode on bare metal or passed through has none.

    Usage: nvidia-smi vgpu [-q | -s | -c | -u | -p] [-i <id>]

)";
}

int run_vgpu(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  for (const Gpu& gpu : gpus) {
    nvmlGpuVirtualizationMode_t mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
    if (run.nvml.nvmlDeviceGetVirtualizationMode(gpu.device, &mode) == NVML_SUCCESS &&
        mode == NVML_GPU_VIRTUALIZATION_MODE_HOST_VGPU) {
      const UsageError error = belongs_elsewhere("vgpu on a host of vGPUs");
      run.print(error.text);
      return error.exit;
    }
  }
  run.print("No supported devices in vGPU mode\n");
  return 0;
}

}  // namespace mig::smi
