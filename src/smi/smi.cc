// SPDX-License-Identifier: Apache-2.0
#include "smi/smi.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "nvml/return_code.h"
#include "nvml/session.h"
#include "smi/dmon.h"
#include "smi/main_command.h"
#include "smi/mig_command.h"
#include "smi/nvlink.h"
#include "smi/pmon.h"
#include "smi/run.h"
#include "smi/small_commands.h"
#include "smi/topo.h"

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

constexpr std::array kCommands = {
    Command{"mig", parse_mig, mig_usage_error, mig_help, run_mig},
    Command{"pmon", parse_pmon, pmon_usage_error, pmon_help, run_pmon},
    Command{"dmon", parse_dmon, dmon_usage_error, dmon_help, run_dmon},
    Command{"topo", parse_topo, topo_usage_error, topo_help, run_topo},
    Command{"nvlink", parse_nvlink, nvlink_usage_error, nvlink_help, run_nvlink},
    Command{"c2c", parse_c2c, c2c_usage_error, c2c_help, run_c2c},
    Command{"clocks", parse_clocks, clocks_usage_error, clocks_help, run_clocks},
    Command{"conf-compute",
            parse_conf_compute,
            conf_compute_usage_error,
            conf_compute_help,
            run_conf_compute},
    Command{"drain", parse_drain, drain_usage_error, drain_help, run_drain},
    Command{"gpm", parse_gpm, gpm_usage_error, gpm_help, run_gpm},
    Command{"pci", parse_pci, pci_usage_error, pci_help, run_pci},
    Command{"vgpu", parse_vgpu, vgpu_usage_error, vgpu_help, run_vgpu},
};

// Sub-commands of NVIDIA's tool that are not implemented here.
constexpr std::array<std::string_view, 11> kElsewhere = {"daemon",
                                                         "replay",
                                                         "encodersessions",
                                                         "fbcsessions",
                                                         "compute-policy",
                                                         "boost-slider",
                                                         "power-hint",
                                                         "base-clocks",
                                                         "power-smoothing",
                                                         "power-profiles",
                                                         "prm"};

void put(std::FILE* stream, const std::string& words) {
  std::fwrite(words.data(), 1, words.size(), stream);
}

// nvidia-smi's text when NVML does not load or initialise; the cause goes to stderr.
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
  if (code == NVML_ERROR_DRIVER_NOT_LOADED) {
    put(context.out,
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure "
        "that the latest NVIDIA driver is installed and running.\n\n");
  } else if (code == NVML_ERROR_LIB_RM_VERSION_MISMATCH) {
    put(context.out, "Failed to initialize NVML: Driver/library version mismatch\n");
  } else {
    put(context.out, "Failed to initialize NVML: " + std::string(nvml::code_text(code)) + "\n");
  }
  return exit_code(code);
}

// Runs a command, with the driver where the command needs one.
int run_with_driver(const Command& command, const Options& options, const SmiContext& context) {
  if (const std::string dtd = main_dtd(options); !dtd.empty()) {
    put(context.out, dtd);
    return 0;
  }
  const auto open = [&]() -> Result<std::shared_ptr<nvml::Session>> {
    if (context.open) {
      return context.open();
    }
    MIG_ASSIGN_OR_RETURN(std::unique_ptr<nvml::Session> own,
                         nvml::Session::open(context.library_path));
    return std::shared_ptr<nvml::Session>(std::move(own));
  };
  const auto session = open();
  if (!session) {
    return report_no_nvml(session.error(), context);
  }
  const Run run{**session, (*session)->nvml(), context.out, context.err, &context.before_change};
  const int exit = command.run(run, options);
  std::fflush(context.out);
  return exit;
}

// Option -f: redirects the output to a file, except usage errors and help.
int run_into_file(const Command& command, const Options& options, const SmiContext& context) {
  if (!options.has("--filename")) {
    return run_with_driver(command, options, context);
  }
  const std::string path = options.get("--filename");
  auto opened = base::open_output(path);
  std::FILE* file = opened ? ::fdopen(opened->get(), "w") : nullptr;
  if (file == nullptr) {
    put(context.out, "Failed to create the log file " + path + "\n\n");
    return kExitOther;
  }
  static_cast<void>(opened->release());
  SmiContext into = context;
  into.out = file;
  const int exit = run_with_driver(command, options, into);
  if (std::fclose(file) == 0) {
    return exit;
  }
  put(context.out, "Failed to write the log file " + path + "\n\n");
  return kExitOther;
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
  if (const std::string help = main_query_help(options); !help.empty()) {
    put(context.out, help);
    return 0;
  }
  return run_into_file(command, options, context);
}

}  // namespace

int smi_main(const std::vector<std::string>& args, const SmiContext& context) {
  if (args.empty() || args.front().rfind('-', 0) == 0) {
    return run_command(kMain, args, context);
  }
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  for (const Command& command : kCommands) {
    if (args.front() == command.name) {
      return run_command(command, rest, context);
    }
  }
  const std::string& word = args.front();
  if (std::find(kElsewhere.begin(), kElsewhere.end(), word) == kElsewhere.end()) {
    return run_command(kMain, args, context);  // refuses the word as an unknown option
  }
  put(context.out, belongs_elsewhere(word).text);
  return kExitUsage;
}

bool only_reads(const std::vector<std::string>& args) {
  constexpr std::array<std::string_view, 11> kOfMig = {"mig",
                                                       "-lgip",
                                                       "--list-gpu-instance-profiles",
                                                       "-lgipp",
                                                       "-lgi",
                                                       "--list-gpu-instances",
                                                       "-lcip",
                                                       "-lcipp",
                                                       "-lci",
                                                       "--list-compute-instances",
                                                       "--list-compute-instance-profiles"};
  constexpr std::array<std::string_view, 4> kOfMain = {
      "-L", "--list-gpus", "-B", "--list-excluded-gpus"};
  const bool mig = !args.empty() && args.front() == "mig";
  const auto allowed = [&](const std::string& word) {
    const bool query = !mig && (word.starts_with("--query-") || word.starts_with("--format=") ||
                                word.starts_with("--id="));
    return query || (mig ? std::find(kOfMig.begin(), kOfMig.end(), word) != kOfMig.end()
                         : std::find(kOfMain.begin(), kOfMain.end(), word) != kOfMain.end());
  };
  // Options with a value in the next word.
  const auto takes_value = [&](const std::string& word) {
    return word == "-i" || word == "--id" || (mig && (word == "-gi" || word == "-ci"));
  };
  if (args.empty()) {
    return false;
  }
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (takes_value(args[i]) && i + 1 < args.size() && !args[i + 1].starts_with('-')) {
      ++i;
    } else if (!allowed(args[i])) {
      return false;
    }
  }
  return !mig || args.size() > 1;
}

}  // namespace mig::smi
