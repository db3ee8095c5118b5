// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_command.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/mig_change.h"
#include "smi/mig_list.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi mig -h";
// In nvidia-smi's order of precedence: `-lgi -lgip` and `-lgip -lgi` list profiles.
constexpr std::array kActions = {
    "-lgip", "-lgipp", "-lgi", "-lcip", "-lcipp", "-lci", "-cgi", "-cci", "-dci", "-dgi"};

const std::vector<OptionSpec>& specs() {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-gi", "--gpu-instance-id", Takes::kValue},
      {"-ci", "--compute-instance-id", Takes::kValue},
      {"-lgip", "--list-gpu-instance-profiles", Takes::kNothing},
      {"-lgipp", "--list-gpu-instance-possible-placements", Takes::kNothing},
      {"-C", "--default-compute-instance", Takes::kNothing},
      {"-cgi", "--create-gpu-instance", Takes::kValue},
      {"-dgi", "--destroy-gpu-instance", Takes::kNothing},
      {"-lgi", "--list-gpu-instances", Takes::kNothing},
      {"-lcip", "--list-compute-instance-profiles", Takes::kNothing},
      {"-lcipp", "--list-compute-instance-possible-placements", Takes::kNothing},
      {"-cci", "--create-compute-instance", Takes::kMaybeValue},
      {"-dci", "--destroy-compute-instance", Takes::kNothing},
      {"-lci", "--list-compute-instances", Takes::kNothing},
  };
  return kSpecs;
}

bool parse_ids(const std::string& list, std::vector<unsigned>* ids) {
  constexpr unsigned kMaxId = 0xFFFF;
  if (list.empty()) {
    return true;
  }
  for (const std::string& word : base::split(list, ',')) {
    const auto id = base::parse_decimal(word, kMaxId);
    if (!id) {
      return false;
    }
    ids->push_back(static_cast<unsigned>(*id));
  }
  return true;
}

// Error text for the instance ids; "" = valid.
std::string ids_error(const Options& options) {
  std::vector<unsigned> ids;
  for (const char* option : {"-gi", "-ci"}) {
    if (!parse_ids(options.get(option), &ids)) {
      return text("ERROR: Invalid value \"%s\" for option %s. Please run '%s' for help.\n",
                  options.get(option).c_str(),
                  option,
                  kHelp);
    }
  }
  return "";
}

// False for lists of profiles and placements: nvidia-smi ignores -gi and -ci there, valid or not.
bool reads_ids(const std::string& action) {
  return action != "-lgip" && action != "-lgipp";
}

bool is_list(const std::string& action) {
  return action.rfind("-l", 0) == 0;
}

// Of several lists nvidia-smi prints only one.
std::string action_of(const Options& options) {
  const auto* const action = std::find_if(
      kActions.begin(), kActions.end(), [&](const char* name) { return options.has(name); });
  return action == kActions.end() ? "" : *action;
}

int run_action(const Run& run,
               const std::vector<Gpu>& gpus,
               const MigFilter& filter,
               const Options& options) {
  const std::string action = action_of(options);
  if (action == "-lgip") {
    return list_gi_profiles(run, gpus);
  }
  if (action == "-lgipp") {
    return list_gi_placements(run, gpus);
  }
  if (action == "-lgi") {
    return list_gis(run, gpus, filter);
  }
  if (action == "-lcip") {
    return list_ci_profiles(run, gpus, filter);
  }
  if (action == "-lcipp") {
    return list_ci_placements(run, gpus, filter);
  }
  if (action == "-lci") {
    return list_cis(run, gpus, filter);
  }
  if (action == "-cgi") {
    return create_gis(run, gpus, options.get("-cgi"), options.has("-C"));
  }
  if (action == "-cci") {
    return create_cis(run, gpus, filter, options.get("-cci"));
  }
  if (action == "-dci") {
    return destroy_cis(run, gpus, filter);
  }
  return destroy_gis(run, gpus, filter);
}

}  // namespace

Options parse_mig(const std::vector<std::string>& words) {
  Options options = parse_options(words, specs(), kHelp, [](const std::string& word) {
    return UsageError{"Option \"" + word + "\" is not recognized.\n"};
  });
  // Without an action nvidia-smi prints its help and exits with 0.
  if (options.error.empty() && !options.has("-C") && action_of(options).empty()) {
    options.values["-h"] = "";
  }
  return options;
}

UsageError mig_usage_error(const Options& options) {
  if (!options.error.empty()) {
    return options.error;
  }
  unsigned lists = 0;
  unsigned changes = 0;
  for (const char* action : kActions) {
    if (options.has(action)) {
      ++(is_list(action) ? lists : changes);
    }
  }
  // nvidia-smi's choice between two changes is not known, so none is made.
  const bool ambiguous = changes > 1 || (changes == 1 && lists != 0);
  const bool stray_default = options.has("-C") && !options.has("-cgi") && lists == 0;
  if (ambiguous || stray_default) {
    return {text("Invalid combination of input arguments. Please run '%s' for help.\n", kHelp)};
  }
  return {options.has("-cgi") ? ids_error(options) : ""};
}

std::string mig_help() {
  return R"(
    mig -- Multi Instance GPU management.

    Usage: nvidia-smi mig [options]

    One of:
    -lgip  | --list-gpu-instance-profiles               profiles of a GPU, free and total
    -lgipp | --list-gpu-instance-possible-placements    where each may lie, as {Start}:Size
    -lgi   | --list-gpu-instances                       GPU instances that exist
    -lcip  | --list-compute-instance-profiles           compute profiles of each GPU instance
    -lcipp | --list-compute-instance-possible-placements
    -lci   | --list-compute-instances                   compute instances that exist
    -cgi   | --create-gpu-instance <profile>[:<start>][,...]
                                                        profile: ID or name (9, 3g.20gb)
    -C     | --default-compute-instance                 with -cgi: one that fills each new instance
    -cci   | --create-compute-instance [<profile>,...]  without profile: the default (marked *)
    -dci   | --destroy-compute-instance
    -dgi   | --destroy-gpu-instance
    -h     | --help

    Restricted by (comma-separated):
    -i     | --id                    index, PCI bus ID or UUID of a GPU
    -gi    | --gpu-instance-id       GPU instance ID
    -ci    | --compute-instance-id   compute instance ID

)";
}

int run_mig(const Run& run, const Options& options) {
  int exit = 0;
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kRefuse, &exit);
  if (exit != 0) {
    return exit;
  }
  // nvidia-smi checks the ids only where instances exist: with MIG off any id is accepted.
  const std::string error = reads_ids(action_of(options)) ? ids_error(options) : "";
  if (!error.empty()) {
    if (!enabled_gpus(run, gpus, "read MIG modes", &exit).empty()) {
      run.print(error);
      return kExitUsage;
    }
    return exit;
  }
  MigFilter filter;
  (void)parse_ids(options.get("-gi"), &filter.gi);
  (void)parse_ids(options.get("-ci"), &filter.ci);
  return run_action(run, gpus, filter, options);
}

}  // namespace mig::smi
