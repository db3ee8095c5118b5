// SPDX-License-Identifier: Apache-2.0
#include "smi/smi.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "nvml/return_code.h"
#include "nvml/session.h"
#include "smi/main_command.h"
#include "smi/mig_command.h"
#include "smi/pmon.h"
#include "smi/run.h"

namespace mig::smi {
namespace {

struct Command {
  const char* name;
  Options (*parse)(const std::vector<std::string>& words);
  UsageError (*usage_error)(const Options& options);
  std::string (*help)();
  int (*run)(const Run& run, const Options& options);
};

constexpr Command kMain = {nullptr, parse_main, main_usage_error, main_help, run_main};
constexpr Command kMig = {"mig", parse_mig, mig_usage_error, mig_help, run_mig};
constexpr Command kPmon = {"pmon", parse_pmon, pmon_usage_error, pmon_help, run_pmon};

// Sub-commands that NVIDIA's tool has and we do not: to call them unknown would mislead.
constexpr std::array<std::string_view, 22> kElsewhere = {"dmon",
                                                         "daemon",
                                                         "replay",
                                                         "topo",
                                                         "drain",
                                                         "nvlink",
                                                         "c2c",
                                                         "clocks",
                                                         "encodersessions",
                                                         "fbcsessions",
                                                         "vgpu",
                                                         "compute-policy",
                                                         "boost-slider",
                                                         "power-hint",
                                                         "base-clocks",
                                                         "conf-compute",
                                                         "gpm",
                                                         "pci",
                                                         "power-smoothing",
                                                         "power-profiles",
                                                         "rusd",
                                                         "prm"};

void put(std::FILE* stream, const std::string& words) {
  std::fwrite(words.data(), 1, words.size(), stream);
}

// What nvidia-smi says when NVML does not load or start; our reason goes to the error stream.
int report_no_nvml(const Error& error, const SmiContext& context) {
  put(context.err, error.text() + "\n");
  if (!error.nvml) {
    put(context.out,
        "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that "
        "the NVIDIA Display Driver is properly installed and present in your system.\n"
        "Please also try adding directory that contains libnvidia-ml.so to your system PATH.\n");
    return NVML_ERROR_LIBRARY_NOT_FOUND;
  }
  const auto code = static_cast<nvmlReturn_t>(*error.nvml);
  if (code == NVML_ERROR_DRIVER_NOT_LOADED)
    put(context.out,
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure "
        "that the latest NVIDIA driver is installed and running.\n\n");
  else if (code == NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    put(context.out, "Failed to initialize NVML: Driver/library version mismatch\n");
  else
    put(context.out, "Failed to initialize NVML: " + std::string(nvml::code_text(code)) + "\n");
  return exit_code(code);
}

int run_command(const Command& command,
                const std::vector<std::string>& words,
                const SmiContext& context) {
  const Options options = command.parse(words);
  if (options.error.empty() && options.has("-h")) {
    put(context.out, command.help());
    return 0;
  }
  if (const UsageError error = command.usage_error(options); !error.empty()) {
    put(context.out, error.text);
    return error.exit;
  }
  if (options.has("--help-query-gpu")) {
    put(context.out, query_gpu_help());
    return 0;
  }
  auto session = context.open ? context.open() : nvml::Session::open(context.library_path);
  if (!session)
    return report_no_nvml(session.error(), context);
  const Run run{**session, (*session)->nvml(), context.out, context.err};
  const int exit = command.run(run, options);
  std::fflush(context.out);
  return exit;
}

}  // namespace

int smi_main(const std::vector<std::string>& args, const SmiContext& context) {
  if (args.empty() || args.front().rfind('-', 0) == 0)
    return run_command(kMain, args, context);
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  for (const Command* command : {&kMig, &kPmon})
    if (args.front() == command->name)
      return run_command(*command, rest, context);
  const std::string& word = args.front();
  if (std::find(kElsewhere.begin(), kElsewhere.end(), word) == kElsewhere.end())
    return run_command(kMain, args, context);  // which names the word as none of its options
  put(context.out,
      "ERROR: " + word +
          " belongs to NVIDIA's own nvidia-smi; this one speaks its MIG dialect. Please run "
          "'nvidia-smi -h' for what it knows.\n");
  return kExitUsage;
}

}  // namespace mig::smi
