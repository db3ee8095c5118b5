// SPDX-License-Identifier: Apache-2.0
#include "observe/carried.h"

namespace mig::observe {

Accounts accounts_of(const Carried& carried) {
  Accounts out;
  out.last_generation = carried.generations.last();
  out.instances = carried.generations.known();
  for (const auto& [uuid, energy] : carried.energy) {
    if (energy.counted()) {
      out.boards[uuid] = energy.state();
    }
  }
  return out;
}

void restore(const Accounts& accounts, Carried& carried) {
  carried.generations.restore(accounts.last_generation, accounts.instances);
  for (const auto& [uuid, state] : accounts.boards) {
    carried.energy[uuid] = BoardEnergy(state);
  }
}

}  // namespace mig::observe
