// SPDX-License-Identifier: Apache-2.0
// The machine's services (sim/machine/services.h) as /proc would show them: proc/<pid>/ with what
// tools read of a process that holds a GPU, and proc/modules.
#ifndef MIGCTL_SIM_TREE_SERVICE_PART_H_
#define MIGCTL_SIM_TREE_SERVICE_PART_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/machine/state.h"
#include "sim/tree/dir.h"

namespace migsim {

struct TreeService {
  std::uint32_t index = 0;            // in kServices
  std::vector<std::uint32_t> minors;  // of the GPUs whose node it has open
};

std::vector<TreeService> services_of(const Hardware& hardware, const State& state);

// Equal lines, equal files.
std::string line_of(const std::vector<TreeService>& services);

// Writes those that run and removes the others.
int write_services(const Dir& tree, const std::vector<TreeService>& services);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_SERVICE_PART_H_
