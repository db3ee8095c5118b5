// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi nvlink`: the links of each GPU. A GPU without an active link is not shown at all.
#ifndef MIGCTL_SMI_NVLINK_H_
#define MIGCTL_SMI_NVLINK_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

// Number of NVLinks between two GPUs, direct or through switches; 0 = no NVLink connection.
unsigned links_between(const Run& run, const Gpu& one, const Gpu& other);

Options parse_nvlink(const std::vector<std::string>& words);
UsageError nvlink_usage_error(const Options& options);
std::string nvlink_help();
int run_nvlink(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_NVLINK_H_
