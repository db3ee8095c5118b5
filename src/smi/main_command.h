// SPDX-License-Identifier: Apache-2.0
// nvidia-smi without a sub-command: summary, lists, queries, mode changes.
#ifndef MIGCTL_SMI_MAIN_COMMAND_H_
#define MIGCTL_SMI_MAIN_COMMAND_H_

#include <string>

#include "smi/main_options.h"
#include "smi/run.h"

namespace mig::smi {

std::string main_help();

// Output that needs no driver: a query's help; "" = none.
std::string main_query_help(const Options& options);
// Output of --dtd alone: the document type definition; "" = not requested.
std::string main_dtd(const Options& options);

int run_main(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MAIN_COMMAND_H_
