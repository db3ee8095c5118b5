// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_command.h"

#include <array>

#include "base/strings.h"
#include "smi/mig_change.h"
#include "smi/mig_list.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi mig -h";
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
  if (list.empty())
    return true;
  for (const std::string& word : base::split(list, ',')) {
    const auto id = base::parse_decimal(word, kMaxId);
    if (!id)
      return false;
    ids->push_back(static_cast<unsigned>(*id));
  }
  return true;
}

std::string invalid_value(const char* option, const std::string& value) {
  return text("ERROR: Invalid value \"%s\" for option %s. Please run '%s' for help.\n",
              value.c_str(),
              option,
              kHelp);
}

}  // namespace

Options parse_mig(const std::vector<std::string>& words) {
  return parse_options(words, specs(), kHelp);
}

std::string mig_usage_error(const Options& options) {
  if (!options.error.empty())
    return options.error;
  std::vector<unsigned> ids;
  for (const char* option : {"-gi", "-ci"})
    if (!parse_ids(options.get(option), &ids))
      return invalid_value(option, options.get(option));
  unsigned actions = 0;
  for (const char* action : kActions)
    actions += options.has(action) ? 1 : 0;
  const bool stray_default = options.has("-C") && !options.has("-cgi");
  if (actions != 1 || stray_default)
    return text("Invalid combination of input arguments. Please run '%s' for help.\n", kHelp);
  return "";
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
  const std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), &exit);
  if (exit != 0)
    return exit;
  MigFilter filter;
  (void)parse_ids(options.get("-gi"), &filter.gi);  // mig_usage_error() has looked at both
  (void)parse_ids(options.get("-ci"), &filter.ci);
  if (options.has("-lgip"))
    return list_gi_profiles(run, gpus);
  if (options.has("-lgipp"))
    return list_gi_placements(run, gpus);
  if (options.has("-lgi"))
    return list_gis(run, gpus, filter);
  if (options.has("-lcip"))
    return list_ci_profiles(run, gpus, filter);
  if (options.has("-lcipp"))
    return list_ci_placements(run, gpus, filter);
  if (options.has("-lci"))
    return list_cis(run, gpus, filter);
  if (options.has("-cgi"))
    return create_gis(run, gpus, options.get("-cgi"), options.has("-C"));
  if (options.has("-cci"))
    return create_cis(run, gpus, filter, options.get("-cci"));
  if (options.has("-dci"))
    return destroy_cis(run, gpus, filter);
  return destroy_gis(run, gpus, filter);
}

}  // namespace mig::smi
