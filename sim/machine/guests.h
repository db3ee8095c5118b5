// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: processes of other users on a shared machine.
//
// Only the machine's owner can write its state file: this protects the layout from other users, and
// root from a state that another user has prepared. A process of another user (a guest) reads the
// state, and publishes its own activity, one file per process and instance, in <machine>/guests, a
// sticky folder like /tmp. Every reader of the machine merges those files: the owner into the
// state, others into their copy of it. The content is untrusted input and is checked: owner of the
// file = owner of the process, an existing instance, available memory, plausible rates.
#ifndef MIGCTL_SIM_MACHINE_GUESTS_H_
#define MIGCTL_SIM_MACHINE_GUESTS_H_

#include <cstdint>
#include <string>

#include "sim/machine/state.h"

namespace migsim {

// Slots of State::processes reserved for guests; the slot's number is the name of the guest's file.
inline constexpr std::uint32_t kFirstGuest = kMaxOwnProcesses;

std::string guests_folder(const std::string& machine_dir);

// Copies the guests' files into their slots of `state`. `tidy` (owner only): removes stale and
// invalid files (the process is gone, the content fails a check). True when a slot changed.
bool take_in_guests(const Hardware& hardware, State& state, const std::string& folder, bool tidy);

// Publishes the difference between `before` and `now` in the slots of the calling process to its
// guest files. False when a file could not be written: another process took the slot meanwhile, or
// the folder is missing.
bool tell_as_guest(const State& before, const State& now, const std::string& folder);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_GUESTS_H_
