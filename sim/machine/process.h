// SPDX-License-Identifier: Apache-2.0
// Simulated processes: who runs on which instance, with how much memory; and Xid events. Functions
// over State (use them inside a Change), and what they need to know of real processes.
#ifndef MIGCTL_SIM_MACHINE_PROCESS_H_
#define MIGCTL_SIM_MACHINE_PROCESS_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

struct ProcessIdentity {
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t pid_namespace = 0;
  char name[96] = {};  // path of the program, as NVML shows it
  bool guest = false;  // does not own the machine: has a slot among the guests' (guests.h)
};

// The calling process.
ProcessIdentity this_process();

// False when the process is known to be gone: no such pid, a zombie, or another process with its
// pid. `quick` asks only whether the pid exists (one system call). A process of another pid
// namespace, or hidden by /proc's options, counts as alive.
bool is_alive(const ProcessState& process, bool quick);

// Where a process runs; gi and ci are kNone on a GPU without MIG.
struct Instance {
  std::uint32_t gpu = 0, gi = kNone, ci = kNone;
};

enum class Attach {
  kOk,
  kNoInstance,  // no such GPU or instance, or a bare GPU in MIG mode
  kLost,        // GPU fell off the bus
  kRefused,     // compute mode: prohibited, or exclusive and taken
  kFull,        // process table full
};

// Adds a context of `who` on `at`; the slot is shared by all its contexts there.
Attach attach_process(const Hardware& hardware,
                      State& state,
                      const Instance& at,
                      const ProcessIdentity& who,
                      std::uint64_t now,
                      std::uint32_t& slot);

// Takes one context away; the process leaves with its last one.
void detach_context(State& state, std::uint32_t slot);

// Removes a process with all its contexts and memory.
void remove_process(State& state, std::uint32_t slot);

// Removes every process that is_alive() says is gone; how many.
std::uint32_t remove_dead_processes(State& state, bool quick);

// Gives the process `bytes` more of its instance's memory; false, and nothing changed, when the
// instance (a GPU instance's memory is shared by its compute instances; without MIG the GPU) has
// not that much free, or the board file does not say how much there is.
bool allocate(const Hardware& hardware, State& state, std::uint32_t slot, std::uint64_t bytes);
std::uint64_t memory_free(const Hardware& hardware, const State& state, const Instance& at);

// Appends to the ring of events; type is nvmlEventType*.
void raise_event(State& state, std::uint64_t type, std::uint64_t data, const Instance& at);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_PROCESS_H_
