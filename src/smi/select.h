// SPDX-License-Identifier: Apache-2.0
// Which GPUs a command works on: all, or those named after -i as index, UUID, PCI bus id or serial,
// each once and in the order of their indexes, whatever the order of their names (H200, 580.159.04:
// `-i 1,0` and `-i 0,1,0` print GPU 0, then 1).
#ifndef MIGCTL_SMI_SELECT_H_
#define MIGCTL_SMI_SELECT_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// A name among others that fits no GPU. nvidia-smi passes it over (`-i 0,9` prints GPU 0, exit 0),
// so what reads does too; what changes a GPU refuses, because a partial match is no match there.
enum class Unmatched { kRefuse, kPassOver };

// `ids` "": every GPU. Else comma-separated. On failure prints what nvidia-smi prints and gives its
// exit code in *exit (otherwise 0). Nothing matched is always a failure.
std::vector<Gpu> select_gpus(const Run& run,
                             const std::string& ids,
                             Unmatched unmatched,
                             int* exit);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SELECT_H_
