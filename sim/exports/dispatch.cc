// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/dispatch.h"

#include <algorithm>
#include <vector>

#include "sim/machine/process.h"

namespace migsim::exports {

void detach_dead(Machine& machine) {
  std::vector<ProcessState> running;
  {
    const Machine::View view(machine);
    std::copy_if(view->processes,
                 view->processes + view->process_top,
                 std::back_inserter(running),
                 [](const ProcessState& process) { return process.used != 0; });
  }
  const bool all_alive = std::all_of(running.begin(), running.end(), [](const ProcessState& p) {
    return is_alive(p, /*quick=*/false);
  });
  if (!all_alive) {
    Machine::Change change(machine);  // detaches them
    change.commit();
  }
}

}  // namespace migsim::exports
