// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/dispatch.h"

#include "sim/tree/tree.h"

namespace migsim::exports {

void show_change(Machine& machine) {
  sync_tree(machine);
}

OpenNodes nodes_in_the_way(std::uint32_t gpu) {
  const std::shared_ptr<Machine> machine = current_machine();
  const bool look = machine && is_admin(*machine) && !only_we_have_open(gpu);
  return look ? open_nodes(*machine) : OpenNodes{};
}

OpenNodes nodes_in_the_way(std::uint32_t gpu, std::uint32_t gi) {
  const std::shared_ptr<Machine> machine = current_machine();
  return machine && is_admin(*machine) ? open_nodes_of(*machine, gpu, gi) : OpenNodes{};
}

}  // namespace migsim::exports
