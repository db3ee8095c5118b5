// SPDX-License-Identifier: Apache-2.0
// The command line of nvidia-smi without a sub-command: options, and invalid combinations with the
// texts and exit codes of a real nvidia-smi 580.
#ifndef MIGCTL_SMI_MAIN_OPTIONS_H_
#define MIGCTL_SMI_MAIN_OPTIONS_H_

#include <string>
#include <vector>

#include "smi/list_query.h"
#include "smi/options.h"

namespace mig::smi {

Options parse_main(const std::vector<std::string>& words);

// Error of a command line that parses but is invalid.
UsageError main_usage_error(const Options& options);

// List query that is selected by its option or its help option; nullptr = none.
const ListQuery* asked_query(const Options& options);
const ListQuery* asked_query_help(const Options& options);

// Period of repetition in milliseconds; 0 = once.
unsigned interval_ms(const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MAIN_OPTIONS_H_
