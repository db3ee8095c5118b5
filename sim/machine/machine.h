// SPDX-License-Identifier: Apache-2.0
// One simulated machine shared by all processes: a mapped state file, a robust process-shared lock,
// and transactions. A client killed at any instruction neither corrupts the state (a change becomes
// visible only by its commit) nor blocks the next client (the lock is robust, and a lock left over
// from before a reboot of the host is made anew).
//
// Threading: a Machine may be used by any number of threads; View and Change hold the lock, so keep
// them short and never nest them. fork: the child may go on using the Machine.
#ifndef MIGCTL_SIM_MACHINE_MACHINE_H_
#define MIGCTL_SIM_MACHINE_MACHINE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "sim/machine/state.h"

namespace migsim {

// Why a machine could not be made or opened, for the user to read; empty means success.
struct Status {
  std::string error;
  bool denied = false;  // the machine exists, and this user may not open it

  bool ok() const { return error.empty(); }
};

// A file that holds the machine's folder, visible only inside the mount namespace of `sim shell`:
// it names the machine where a login shell, sudo or env -i dropped the environment variables. No
// user can create a file at this path, and no real driver has one of this name.
inline constexpr const char* kMachinePointer = "/proc/driver/nvidia/migsim";

class Machine {
 public:
  // Makes <dir>/machine.state (mode 0600, or 0644 when options.shared, with <dir>/guests for the
  // processes of other users) with every GPU in the state after power-on. Fails if the file exists.
  // `dir` must exist and be owned by the caller.
  static Status create(const std::string& dir, const Hardware& hardware, const State& initial);

  // Maps an existing machine: writable for its owner, read-only for others where it is shared. Root
  // never maps a state that another user can write, and nobody maps one that everybody can write.
  // Errors name the file and the remedy: missing, not ours, written by another format version (with
  // both numbers), truncated.
  static std::unique_ptr<Machine> open(const std::string& dir, Status& status);

  // The default machine of a process: $MIGSIM_MACHINE (a folder), else the machine of the
  // surrounding `sim shell` (kMachinePointer), else the only folder with a machine.state under the
  // default root (default_root()), else an error.
  static std::string find(Status& status);

  // Root folder of machines: $MIGSIM_ROOT, else the parent of the `sim shell`'s machine, else
  // /var/lib/migctl/sim for root, else $XDG_STATE_HOME/migctl/sim (~/.local/state/migctl/sim).
  static std::string default_root();

  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const Hardware& hardware() const;
  const std::string& dir() const;
  // True when the process opened the machine as its owner (the kernel let it open the state file
  // for writing). Root of a user namespace counts as the uid that it is mapped to outside.
  bool writable() const;
  std::uint32_t opened_by() const;  // effective uid at open

  // Read without the lock. generation: State::generation; calls: exported calls so far.
  std::uint64_t generation() const;
  std::uint64_t calls() const;

  // Consistent read access; holds the lock for its lifetime. Detaches dead processes first; a
  // zombie may show for up to 10 ms more.
  class View {
   public:
    explicit View(Machine& machine);
    ~View();
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    const State& operator*() const { return *state_; }

    const State* operator->() const { return state_; }

   private:
    Machine& machine_;
    const State* state_ = nullptr;
  };

  // A transaction: works on a private image that commit() makes the machine's state in one atomic
  // step; without commit() nothing changes. Detaches dead processes at its begin (a zombie may stay
  // for up to 2 ms), and brings counters and energy (telemetry.h) up to date at begin and commit.
  class Change {
   public:
    explicit Change(Machine& machine);
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    State& operator*() { return *state_; }

    State* operator->() { return state_; }

    // False for a guest (not the owner) whose file could not be written (guests.h). A guest's
    // commit keeps nothing but its own processes.
    bool commit();

   private:
    Machine& machine_;
    State* state_ = nullptr;
    bool committed_ = false;
  };

  struct Impl;  // defined in mapping.h, for sim/machine only

 private:
  explicit Machine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;

  friend struct CallGate;  // reads the lock-free flags for call.cc
};

// Nanoseconds of CLOCK_BOOTTIME: the clock of every time in State.
std::uint64_t now_ns();

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MACHINE_H_
