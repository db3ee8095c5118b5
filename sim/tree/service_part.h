// SPDX-License-Identifier: Apache-2.0
// The machine's services (sim/machine/services.h) as /proc entries: proc/<pid>/ with the files that
// tools read of a process with a GPU open, and proc/modules.
#ifndef MIGCTL_SIM_TREE_SERVICE_PART_H_
#define MIGCTL_SIM_TREE_SERVICE_PART_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/machine/state.h"
#include "sim/tree/dir.h"

namespace migsim {

struct TreeService {
  std::uint32_t index = 0;            // index into kServices
  std::vector<std::uint32_t> minors;  // minors of the GPUs that the service has open
};

std::vector<TreeService> services_of(const Hardware& hardware, const State& state);

// Canonical text of the services' files: equal lines mean equal files.
std::string line_of(const std::vector<TreeService>& services);

// Writes the files of running services and removes those of stopped ones.
int write_services(const Dir& tree, const std::vector<TreeService>& services);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_SERVICE_PART_H_
