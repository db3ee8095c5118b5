// SPDX-License-Identifier: Apache-2.0
// Which machine a command is about and where its daemon would listen, found without loading a
// driver. Threading: pure calls; the environment and the file system are read.
#ifndef MIGCTL_CLIENT_MACHINE_H_
#define MIGCTL_CLIENT_MACHINE_H_

#include <functional>
#include <optional>
#include <string>

#include "node/node.h"
#include "store/places.h"

namespace mig::client {

// What every use of the daemon needs to know.
struct Options {
  node::DriverChoice choice;
  std::string version;  // of this program: the daemon answers readings for its own version only
  bool direct = false;  // readings go past the daemon
  // A line about how a reading came about, for a user who wants to know; may be empty.
  std::function<void(const std::string&)> on_note = {};
};

// Where the daemon of the machine listens, or would: leases are kept there, whichever machine a
// driver would turn out to be.
std::string daemon_socket(const node::DriverChoice& choice);

struct ReadingPlace {
  store::MachineId machine;
  std::string socket;
};

// The machine that the driver of `choice` would show, and its daemon's socket; nullopt where only
// a driver could tell the machine, and where no daemon listens that this process may believe: one
// of root's or of its own user's. `why` says which, for on_note.
std::optional<ReadingPlace> reading_place(const node::DriverChoice& choice, std::string& why);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_MACHINE_H_
