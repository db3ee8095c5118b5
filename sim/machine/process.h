// SPDX-License-Identifier: Apache-2.0
// Simulated processes: their instances and memory; and Xid events. Functions over State (call
// inside a Change), and the identity of real processes.
#ifndef MIGCTL_SIM_MACHINE_PROCESS_H_
#define MIGCTL_SIM_MACHINE_PROCESS_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

class Presence;  // presence.h

struct ProcessIdentity {
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t pid_namespace = 0;
  char name[96] = {};  // path of the executable, as NVML shows it
  bool guest = false;  // not the owner of the machine: gets a slot of the guests' range (guests.h)
};

// Identity of the calling process.
ProcessIdentity this_process();

// False when the process is known to be gone: no such pid, a zombie, or a reused pid. `quick`
// checks only that the pid exists (one system call). A process of another pid namespace
// (presence.h tells of those), or one hidden by the mount options of /proc, counts as alive.
bool is_alive(const ProcessState& process, bool quick);

// The instance that a process runs on; gi and ci are kNone on a GPU without MIG.
struct Instance {
  std::uint32_t gpu = 0, gi = kNone, ci = kNone;
};

enum class Attach {
  kOk,
  kNoInstance,  // no such GPU or instance, or a GPU in MIG mode without an instance named
  kLost,        // GPU fell off the bus
  kRefused,     // compute mode: prohibited, or exclusive and taken
  kFull,        // process table full
};

// Adds a context of process `who` on instance `at`; all contexts of one process on one instance
// share a slot.
Attach attach_process(const Hardware& hardware,
                      State& state,
                      const Instance& at,
                      const ProcessIdentity& who,
                      std::uint64_t now,
                      std::uint32_t& slot);

// Removes one context; the process leaves the table with its last context.
void detach_context(State& state, std::uint32_t slot);

// Removes a process with all its contexts and memory.
void remove_process(State& state, std::uint32_t slot);

// Removes every process that has ended, as `presence` sees it; returns their number.
std::uint32_t remove_dead_processes(State& state, const Presence& presence, bool quick);

// Allocates `bytes` more of the instance's memory to the process (compute instances share the
// memory of their GPU instance; without MIG the GPU's). False, with nothing changed, when less is
// free or the board file does not state the size.
bool allocate(const Hardware& hardware, State& state, std::uint32_t slot, std::uint64_t bytes);
std::uint64_t memory_free(const Hardware& hardware, const State& state, const Instance& at);

// Appends to the ring of events; type is nvmlEventType*.
void raise_event(State& state, std::uint64_t type, std::uint64_t data, const Instance& at);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_PROCESS_H_
