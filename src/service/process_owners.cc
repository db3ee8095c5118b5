// SPDX-License-Identifier: Apache-2.0
#include "service/process_owners.h"

#include "base/proc_root.h"
#include "holders/process_facts.h"

namespace mig::service {

void name_containers(Inventory& inventory) {
  for (Gpu& gpu : inventory.gpus) {
    for (Process& process : gpu.processes) {
      const Owner owner = holders::read_process(base::proc_root(), process.pid).owner;
      if (!owner.container.empty()) {
        process.name += " (" + owner.str() + ")";
      }
    }
  }
}

}  // namespace mig::service
