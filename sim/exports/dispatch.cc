// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/dispatch.h"

#include "sim/tree/tree.h"

namespace migsim::exports {

void show_change(Machine& machine) {
  sync_tree(machine);
}

}  // namespace migsim::exports
