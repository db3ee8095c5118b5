// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: processes of other users on a shared machine.
//
// Only the machine's owner can write its state; that is what keeps a layout safe from everybody
// else, and root from a state that somebody else has prepared. A process of another user reads the
// state, and says what it does - one file per process and instance - in <machine>/guests, a sticky
// folder like /tmp. Whoever looks at the machine takes those files in: the owner into the state,
// others into their copy of it. What a file says is checked like anything that comes from outside:
// owner of the file = owner of the process, an instance that exists, memory that is there, rates
// that can be.
#ifndef MIGCTL_SIM_MACHINE_GUESTS_H_
#define MIGCTL_SIM_MACHINE_GUESTS_H_

#include <cstdint>
#include <string>

#include "sim/machine/state.h"

namespace migsim {

// The slots of State::processes that guests have, by the number that is their file's name.
inline constexpr std::uint32_t kFirstGuest = kMaxOwnProcesses;

std::string guests_folder(const std::string& machine_dir);

// Brings the guests' slots of `state` in step with the files. `tidy`: files that say nothing any
// more (the process is gone, nonsense) are removed; for the owner. True when anything is different.
bool take_in_guests(const Hardware& hardware, State& state, const std::string& folder, bool tidy);

// Makes the files say what `now` has of the calling process and `before` had not, or otherwise.
// False when one could not be written: its place was taken meanwhile, or there is no folder.
bool tell_as_guest(const State& before, const State& now, const std::string& folder);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_GUESTS_H_
