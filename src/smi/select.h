// SPDX-License-Identifier: Apache-2.0
// Which GPUs a command works on: all, or those named after -i as index, UUID, PCI bus id or serial.
#ifndef MIGCTL_SMI_SELECT_H_
#define MIGCTL_SMI_SELECT_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// `ids` "": every GPU. Else comma-separated; each GPU once, in the order named. On failure prints
// what nvidia-smi prints and gives its exit code in *exit (otherwise 0).
std::vector<Gpu> select_gpus(const Run& run, const std::string& ids, int* exit);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SELECT_H_
