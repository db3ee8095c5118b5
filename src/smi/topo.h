// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi topo`: connections of GPUs with each other and with CPUs.
#ifndef MIGCTL_SMI_TOPO_H_
#define MIGCTL_SMI_TOPO_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

// CPU ranges of a mask, lowest word first: "0-15,32-47"; "N/A" for an empty mask.
std::string cpu_ranges(const std::vector<unsigned long>& mask);

Options parse_topo(const std::vector<std::string>& words);
UsageError topo_usage_error(const Options& options);
std::string topo_help();
int run_topo(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_TOPO_H_
