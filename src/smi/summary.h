// SPDX-License-Identifier: Apache-2.0
// nvidia-smi without arguments: reads the machine and prints the table of summary_table.h.
#ifndef MIGCTL_SMI_SUMMARY_H_
#define MIGCTL_SMI_SUMMARY_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// CUDA version of 13000 as "13.0"; "N/A" if not reported.
std::string cuda_version(const Run& run);
// Local time in ctime() format.
std::string now_text();

int show_summary(const Run& run, const std::vector<Gpu>& gpus);
// Output of `nvidia-smi --version`.
int show_version(const Run& run);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SUMMARY_H_
