// SPDX-License-Identifier: Apache-2.0
// nvidia-smi without a sub-command: its options, and which of the functions they mean.
#ifndef MIGCTL_SMI_MAIN_COMMAND_H_
#define MIGCTL_SMI_MAIN_COMMAND_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

Options parse_main(const std::vector<std::string>& words);
// Empty = runnable.
UsageError main_usage_error(const Options& options);
std::string main_help();
// Every property of --query-gpu in a paragraph of its own: by that, programs find the names.
std::string query_gpu_help();
int run_main(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MAIN_COMMAND_H_
