// SPDX-License-Identifier: Apache-2.0
// Paths of a machine's files: journal, slots, leases, jobs, locks, claims, the daemon's socket and
// the tenants file. One rule for all processes: the daemon listens where its clients look, and two
// writers take the same lock. Independent of a driver: a machine is the real one, or the folder of
// a simulated one.
//
//   const store::Places places({"/var/lib/migctl/sim/lab"}, store::Surroundings::ours());
//   places.journal();                                  // "/var/lib/migctl/sim/lab/journal.db"
//
// Threading: pure functions of their arguments and of the file system; ours() reads the
// environment. Errors: kPermission for a folder of another user, kIo.
#ifndef MIGCTL_STORE_PLACES_H_
#define MIGCTL_STORE_PLACES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::store {

struct MachineId {
  std::string simulated_dir;  // folder of the simulated machine; "" = the real machine

  bool simulated() const { return !simulated_dir.empty(); }

  std::string name() const;  // "lab"; "" = the real machine

  friend bool operator==(const MachineId&, const MachineId&) = default;
};

// The user and the environment variables that decide the paths.
struct Surroundings {
  std::uint32_t uid = 0;
  std::string state_dir;      // $MIGCTL_STATE_DIR; "" unless absolute
  std::string runtime_home;   // $XDG_RUNTIME_DIR; "" unless absolute
  std::string state_home;     // $XDG_STATE_HOME
  std::string home;           // $HOME
  std::string machines;       // $MIGSIM_ROOT
  std::string socket;         // $MIGCTL_SOCKET
  std::string tenants;        // $MIGCTL_TENANTS
  std::string machine;        // $MIGSIM_MACHINE
  std::string shell_machine;  // folder of the machine of the surrounding `sim shell`
  std::string root;           // prefix of /run, /var, /etc, /dev, /proc and /tmp, for tests

  static Surroundings ours();
};

class Places {
 public:
  Places(MachineId machine, Surroundings around)
      : machine_(std::move(machine)), around_(std::move(around)) {}

  const MachineId& machine() const { return machine_; }

  // Path of the journal: below $MIGCTL_STATE_DIR if that is set; else in the folder of a simulated
  // machine; else /var/lib/migctl for root and $XDG_STATE_HOME/migctl for others.
  std::string journal() const;
  std::string slots() const;   // beside the journal
  std::string leases() const;  // beside the journal
  // The user's job store: beside the journal where that folder is the user's own, else below
  // $XDG_STATE_HOME (~/.local/state), one folder per machine.
  std::string jobs() const;

  // Folder of locks and sockets, made when missing: <machine>/run for a simulated machine that the
  // user may write to; /run/migctl for root; else $XDG_RUNTIME_DIR/migctl, else /tmp/migctl-<uid>
  // (0700, owned by the user).
  Result<std::string> runtime_dir() const;
  Result<std::string> claims() const;       // folder of lock files of running jobs
  Result<std::string> writer_lock() const;  // lock file: one writer per machine

  // Socket that a daemon listens on: $MIGCTL_SOCKET, else migd.sock in runtime_dir(). In a user's
  // runtime folder, which all machines share, the name contains the simulated machine's.
  Result<std::string> daemon_socket() const;
  // Sockets that a client tries, in order, never empty: only $MIGCTL_SOCKET when set; else the
  // machine's, then the user's. The latter only in a folder that no other user can write to, or
  // that user could impersonate the daemon.
  std::vector<std::string> daemon_sockets() const;

 private:
  std::string beside_journal(const char* what) const;
  std::string machine_runtime_dir() const;
  std::string user_runtime_dir() const;
  std::string socket_in_user_runtime_dir() const;

  MachineId machine_;
  Surroundings around_;
};

// Path of slots.db or leases.db (`what`: "slots") for a journal: "/s/sim-lab.db" ->
// "/s/sim-lab-slots.db".
std::string beside_journal(const std::string& journal, const char* what);

// Path of the tenants file: `chosen`, else $MIGCTL_TENANTS, else /etc/migctl/tenants.yaml.
std::string tenants_file(const std::string& chosen, const Surroundings& around);

// Root folder of simulated machines: $MIGSIM_ROOT, else the parent of the surrounding `sim shell`'s
// machine, else /var/lib/migctl/sim for root, else below $XDG_STATE_HOME (~/.local/state).
std::string machines_root(const Surroundings& around);

// Names of the folders below `root` that contain a machine.state, sorted; none that begins with a
// dot.
std::vector<std::string> machine_names(const std::string& root);

// Parses a machine's name: below the root, or with a slash the folder itself.
MachineId machine_named(const std::string& name, const Surroundings& around);

// True when device nodes of NVIDIA's driver exist, so that a process without a selected machine
// gets the real one.
bool driver_is_there(const Surroundings& around);

// The machine of a command that selects none, as far as known without loading a driver; nullopt
// where only a driver could tell.
std::optional<MachineId> machine_of_unnamed(const Surroundings& around);

}  // namespace mig::store

#endif  // MIGCTL_STORE_PLACES_H_
