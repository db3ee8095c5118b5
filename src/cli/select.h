// SPDX-License-Identifier: Apache-2.0
// Resolves the user's GPUs and profiles in an Inventory. No match is an error that lists what
// exists.
#ifndef MIGCTL_CLI_SELECT_H_
#define MIGCTL_CLI_SELECT_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

namespace mig::cli {

// A word is an index ("1"), "GPU-<uuid>" or a PCI bus id; "all" is every GPU. No words: every GPU.
Result<std::vector<GpuIndex>> select_gpus(const Inventory& inventory,
                                          const std::vector<std::string>& words);
Result<GpuIndex> select_gpu(const Inventory& inventory, const std::string& word);

// Removes the GPUs that `words` do not name.
Result<void> keep_gpus(Inventory& inventory, const std::vector<std::string>& words);

// Parses "3g.20gb", "3g.20gb:4", "9" (an id as nvidia-smi prints), "1c.3g.20gb" (a 3g.20gb with
// that one compute instance), "1c.3g.20gb:4/1" (starting at its slice 1).
Result<DesiredInstance> parse_instance(const Gpu& gpu,
                                       const std::string& word,
                                       bool compute_instance);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_SELECT_H_
