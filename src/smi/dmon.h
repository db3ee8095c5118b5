// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi dmon`: one line per GPU and second. Unavailable values show "-".
#ifndef MIGCTL_SMI_DMON_H_
#define MIGCTL_SMI_DMON_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

Options parse_dmon(const std::vector<std::string>& words);
UsageError dmon_usage_error(const Options& options);
std::string dmon_help();
int run_dmon(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_DMON_H_
