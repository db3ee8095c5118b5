// SPDX-License-Identifier: Apache-2.0
#include "apply/runtime.h"

#include <chrono>
#include <utility>

namespace mig::apply {

store::Places places_of(const nvml::Session& session) {
  store::MachineId machine;
  if (session.simulated()) {
    machine.simulated_dir = session.control()->machine_dir;
  }
  return {std::move(machine), store::Surroundings::ours()};
}

Result<base::FileLock> lock_writer(const std::string& path,
                                   base::Clock& clock,
                                   const std::string& doing) {
  auto lock = base::FileLock::acquire(path, std::chrono::milliseconds(0), clock, doing);
  if (lock || lock.error().code != ErrorCode::kConflict) {
    return lock;
  }
  Error held = std::move(lock).error().in("another change of this machine is under way");
  held.hint = "wait until it is done, or let this command wait for it: --wait 10m";
  return held;
}

}  // namespace mig::apply
