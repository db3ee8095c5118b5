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

// Why a machine could not be made or opened, in words for the user; empty means it worked.
struct Status {
  std::string error;
  bool denied = false;  // it is there, and not for this user

  bool ok() const { return error.empty(); }
};

// A file with the machine's folder that only a process inside `sim shell` sees with anything in it:
// what says there which machine it is when a login shell, sudo or env -i has dropped the variables.
// It lies where no user can make a file, and no real driver has one of that name.
inline constexpr const char* kMachinePointer = "/proc/driver/nvidia/migsim";

class Machine {
 public:
  // Makes <dir>/machine.state (mode 0600, or 0644 when options.shared, with <dir>/guests for what
  // other users do) with every GPU in the state after power-on. Fails if it exists. `dir` must
  // exist and be owned by the caller.
  static Status create(const std::string& dir, const Hardware& hardware, const State& initial);

  // Maps an existing machine: to be changed by its owner, to be read by others where it is shared.
  // A state that anybody but the caller can write is never mapped by root, nor one that everybody
  // can by anyone. Errors name the file and what to do: missing, not ours, written by another
  // format version (with both numbers), truncated.
  static std::unique_ptr<Machine> open(const std::string& dir, Status& status);

  // The machine a process without further instruction uses: $MIGSIM_MACHINE (a folder), else that
  // of the `sim shell` in which it runs (kMachinePointer), else the only folder with a
  // machine.state under the default root (default_root()), else an error.
  static std::string find(Status& status);

  // Where machines live: $MIGSIM_ROOT, else where the shell's machine is, else /var/lib/migctl/sim
  // for root, else $XDG_STATE_HOME/migctl/sim (~/.local/state/migctl/sim).
  static std::string default_root();

  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const Hardware& hardware() const;
  const std::string& dir() const;
  // Whoever opened it owns the machine: the kernel let it open the state to write. A root of a user
  // namespace is whoever it is outside.
  bool writable() const;
  std::uint32_t opened_by() const;  // effective uid then

  // Read without the lock. generation: State::generation; calls: exported calls so far.
  std::uint64_t generation() const;
  std::uint64_t calls() const;

  // Consistent read access; holds the lock while it lives. Detaches processes that died, so what it
  // shows is what runs; one that its parent has not yet waited for may show for 10 ms more.
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

  // A change: works on a private image, becomes the machine's state by commit() in one atomic step;
  // without commit() nothing happened. Processes that died are detached when a Change begins (one
  // that its parent has not yet waited for may stay for 2 ms), and counters and energy
  // (telemetry.h) are brought up to date at its begin and at its commit.
  class Change {
   public:
    explicit Change(Machine& machine);
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    State& operator*() { return *state_; }

    State* operator->() { return state_; }

    // False: for who does not own the machine, when what its own processes do could not be told
    // (guests.h). Nothing else of such a change is kept.
    bool commit();

   private:
    Machine& machine_;
    State* state_ = nullptr;
    bool committed_ = false;
  };

  struct Impl;  // mapping.h; for sim/machine only

 private:
  explicit Machine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;

  friend struct CallGate;  // call.cc reads the flags that need no lock
};

// Nanoseconds of CLOCK_BOOTTIME: the clock of every time in State.
std::uint64_t now_ns();

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MACHINE_H_
