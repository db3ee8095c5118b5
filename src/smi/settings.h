// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's options that set power, clocks, compute mode and ECC of a GPU. A simulated machine
// accepts or refuses them as a driver does. On a real driver only the compute mode may be set:
// changes of clocks, power or memory checks of hardware are refused with a reference to NVIDIA's
// own tool.
#ifndef MIGCTL_SMI_SETTINGS_H_
#define MIGCTL_SMI_SETTINGS_H_

#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

// Options -pl, -lgc, -rgc, -lmc, -rmc, -ac, -rac, -c, -e, -p with their long names.
const std::vector<OptionSpec>& setting_specs();

// First setting on the command line, by OptionSpec::name; nullptr = none.
const char* chosen_setting(const Options& options);
unsigned count_settings(const Options& options);

// Error of an unreadable value, as nvidia-smi words it.
UsageError setting_error(const Options& options);

// Returns the exit code. `options` must have passed setting_error().
int run_setting(const Run& run, const Options& options, const std::vector<Gpu>& gpus);

// Text for the help.
const char* settings_help();

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SETTINGS_H_
