// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/dispatch.h"

#include "sim/tree/tree.h"

namespace migsim::exports {

void show_change(Machine& machine) {
  sync_tree(machine);
}

OpenNodes nodes_in_the_way() {
  const std::shared_ptr<Machine> machine = current_machine();
  return machine && is_admin(*machine) ? open_nodes(*machine) : OpenNodes{};
}

}  // namespace migsim::exports
