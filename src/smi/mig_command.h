// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi mig ...`: its options, and their mapping to the mig functions.
#ifndef MIGCTL_SMI_MIG_COMMAND_H_
#define MIGCTL_SMI_MIG_COMMAND_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

Options parse_mig(const std::vector<std::string>& words);
// "" = valid; else the text to print. `help` is set when the user requested it.
UsageError mig_usage_error(const Options& options);
std::string mig_help();
int run_mig(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MIG_COMMAND_H_
