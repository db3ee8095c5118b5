// SPDX-License-Identifier: Apache-2.0
// nvidia-smi without arguments: reads the machine and prints the table of summary_table.h.
#ifndef MIGCTL_SMI_SUMMARY_H_
#define MIGCTL_SMI_SUMMARY_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// 13000 -> "13.0"; "N/A" if the driver does not say.
std::string cuda_version(const Run& run);
// As ctime() words it, local time.
std::string now_text();

int show_summary(const Run& run, const std::vector<Gpu>& gpus);
// `nvidia-smi --version`
int show_version(const Run& run);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SUMMARY_H_
