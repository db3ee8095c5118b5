// SPDX-License-Identifier: Apache-2.0
// Selection of a command's GPUs: all, or those named after -i as index, UUID, PCI bus id or serial,
// each once and in index order, whatever the order of the names (H200, 580.159.04: `-i 1,0` and `-i
// 0,1,0` print GPU 0, then 1).
#ifndef MIGCTL_SMI_SELECT_H_
#define MIGCTL_SMI_SELECT_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// Policy for a name in a list that matches no GPU. nvidia-smi ignores it (`-i 0,9` prints GPU 0,
// exit 0), so reading commands do too; changing commands refuse, as a partial match is no match
// there.
enum class Unmatched { kRefuse, kPassOver };

// `ids` "": every GPU; else a comma-separated list. On failure prints nvidia-smi's text and sets
// *exit (otherwise 0). No match at all is always a failure.
std::vector<Gpu> select_gpus(const Run& run,
                             const std::string& ids,
                             Unmatched unmatched,
                             int* exit);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SELECT_H_
