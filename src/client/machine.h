// SPDX-License-Identifier: Apache-2.0
// The machine of a command and the socket of its daemon, found without loading a driver. Threading:
// pure calls that read the environment and the file system.
#ifndef MIGCTL_CLIENT_MACHINE_H_
#define MIGCTL_CLIENT_MACHINE_H_

#include <functional>
#include <optional>
#include <string>

#include "node/node.h"
#include "store/places.h"

namespace mig::client {

// Settings of every use of the daemon.
struct Options {
  node::DriverChoice choice;
  std::string version;  // of this program: the daemon serves readings for its own version only
  bool direct = false;  // --direct: bypass the daemon for readings
  // Diagnostics about the source of a reading, one line each (--verbose); may be empty.
  std::function<void(const std::string&)> on_note = {};
};

// Folder of this user's simulated machines (store/places.h).
std::string machines_root();

// Socket of the daemon that keeps this machine's leases, whichever driver would be used.
std::string daemon_socket(const node::DriverChoice& choice);

struct ReadingPlace {
  store::MachineId machine;
  std::string socket;
};

// The machine that the driver of `choice` would show, and its daemon's socket. nullopt where only a
// driver could determine the machine, and where no trusted daemon listens: one of root's or of this
// user's. `why` receives the reason, for on_note.
std::optional<ReadingPlace> reading_place(const node::DriverChoice& choice, std::string& why);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_MACHINE_H_
