// SPDX-License-Identifier: Apache-2.0
// nvidia-smi without a sub-command: summary, lists, queries, mode changes.
#ifndef MIGCTL_SMI_MAIN_COMMAND_H_
#define MIGCTL_SMI_MAIN_COMMAND_H_

#include <string>

#include "smi/main_options.h"
#include "smi/run.h"

namespace mig::smi {

std::string main_help();

// What a command line asks for that needs no driver: the help of a query; "" = nothing.
std::string main_query_help(const Options& options);
// The definition of documents, for --dtd alone; "" = not asked for.
std::string main_dtd(const Options& options);

int run_main(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MAIN_COMMAND_H_
