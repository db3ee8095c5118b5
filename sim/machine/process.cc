// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/process.h"

#include <algorithm>
#include <cstring>

#include "sim/machine/guests.h"
#include "sim/machine/presence.h"
#include "sim/machine/telemetry.h"

namespace migsim {
namespace {

constexpr std::uint32_t kExclusiveThread = 1, kProhibited = 2, kExclusiveProcess = 3;

bool same_process(const ProcessState& process, const ProcessIdentity& who) {
  return process.used != 0 && process.pid == who.pid && process.start_ticks == who.start_ticks &&
         process.pid_namespace == who.pid_namespace;
}

Attach check_instance(const Hardware& hardware, const State& state, const Instance& at) {
  if (at.gpu >= hardware.gpu_count) {
    return Attach::kNoInstance;
  }
  const GpuState& gpu = state.gpus[at.gpu];
  if (gpu.lost != 0) {
    return Attach::kLost;
  }
  if (gpu.mig_current == 0) {
    return at.gi == kNone && at.ci == kNone ? Attach::kOk : Attach::kNoInstance;
  }
  const bool exists = at.gi < kMaxGis && at.ci < kMaxCis && gpu.gis[at.gi].used != 0 &&
                      gpu.gis[at.gi].cis[at.ci].used != 0;
  return exists ? Attach::kOk : Attach::kNoInstance;
}

// Slots of an instance's processes, as attach_process finds them; kMaxProcesses = none.
struct Neighbours {
  std::uint32_t own = kMaxProcesses;   // the process's own slot, from an earlier context
  std::uint32_t free = kMaxProcesses;  // lowest free slot
  bool others = false;                 // other processes run on the instance
};

Neighbours look_around(const State& state, const Instance& at, const ProcessIdentity& who) {
  Neighbours found;
  const std::uint32_t first = who.guest ? kFirstGuest : 0;
  const std::uint32_t end = who.guest ? kMaxProcesses : kFirstGuest;
  for (std::uint32_t i = 0; i < state.process_top; ++i) {
    const ProcessState& process = state.processes[i];
    if (process.used == 0) {
      found.free = found.free == kMaxProcesses && i >= first && i < end ? i : found.free;
    } else if (process.gpu == at.gpu && process.gi == at.gi && process.ci == at.ci) {
      const bool own = same_process(process, who);
      found.own = own ? i : found.own;
      found.others = found.others || !own;
    }
  }
  if (found.free == kMaxProcesses) {
    const std::uint32_t beyond = std::max(state.process_top, first);
    found.free = beyond < end ? beyond : kMaxProcesses;
  }
  return found;
}

}  // namespace

Attach attach_process(const Hardware& hardware,
                      State& state,
                      const Instance& at,
                      const ProcessIdentity& who,
                      std::uint64_t now,
                      std::uint32_t& slot) {
  if (const Attach problem = check_instance(hardware, state, at); problem != Attach::kOk) {
    return problem;
  }
  const Neighbours neighbours = look_around(state, at, who);
  if (neighbours.own != kMaxProcesses) {
    ++state.processes[neighbours.own].contexts;
    slot = neighbours.own;
    return Attach::kOk;
  }
  const std::uint32_t mode = state.gpus[at.gpu].compute_mode;
  const bool exclusive = mode == kExclusiveThread || mode == kExclusiveProcess;
  if (mode == kProhibited || (exclusive && neighbours.others)) {
    return Attach::kRefused;
  }
  if (neighbours.free == kMaxProcesses) {
    return Attach::kFull;
  }
  ProcessState& process = state.processes[neighbours.free];
  process = ProcessState{};
  process.pid = who.pid;
  process.start_ticks = who.start_ticks;
  process.pid_namespace = who.pid_namespace;
  process.contexts = 1;
  // A guest cannot advance the machine's serial counter: its serials are times with the top bit
  // set, beyond all of the owner's.
  process.serial = who.guest ? now | UINT64_C(1) << 63U : state.next_serial++;
  process.gpu = at.gpu;
  process.gi = at.gi;
  process.ci = at.ci;
  process.attached_ns = now;
  std::memcpy(process.name, who.name, sizeof(process.name));
  process.name[sizeof(process.name) - 1] = '\0';
  process.used = 1;
  if (state.process_top <= neighbours.free) {
    state.process_top = neighbours.free + 1;
  }
  ++state.generation;
  slot = neighbours.free;
  return Attach::kOk;
}

void detach_context(State& state, std::uint32_t slot) {
  ProcessState& process = state.processes[slot];
  if (process.used != 0 && process.contexts > 1) {
    --process.contexts;
    return;
  }
  remove_process(state, slot);
}

void remove_process(State& state, std::uint32_t slot) {
  state.generation += state.processes[slot].used != 0 ? 1 : 0;
  state.processes[slot] = ProcessState{};
  while (state.process_top > 0 && state.processes[state.process_top - 1].used == 0) {
    --state.process_top;
  }
}

std::uint32_t remove_dead_processes(State& state, const Presence& presence, bool quick) {
  std::uint32_t removed = 0;
  for (std::uint32_t i = state.process_top; i-- > 0;) {
    if (state.processes[i].used != 0 && !presence.alive(state.processes[i], quick)) {
      remove_process(state, i);
      ++removed;
    }
  }
  return removed;
}

std::uint64_t memory_free(const Hardware& hardware, const State& state, const Instance& at) {
  const std::optional<MemoryUse> use = memory_use(hardware, state, at.gpu, at.gi);
  const std::uint64_t taken = use ? use->reserved + use->used : 0;
  return use && use->total > taken ? use->total - taken : 0;
}

bool allocate(const Hardware& hardware, State& state, std::uint32_t slot, std::uint64_t bytes) {
  ProcessState& process = state.processes[slot];
  if (bytes > memory_free(hardware, state, {process.gpu, process.gi, process.ci})) {
    return false;
  }
  process.memory_bytes += bytes;
  return true;
}

void raise_event(State& state, std::uint64_t type, std::uint64_t data, const Instance& at) {
  const std::uint64_t sequence = ++state.event_sequence;
  Event& event = state.events[sequence % kMaxEvents];
  event = Event{};
  event.sequence = sequence;
  event.type = type;
  event.data = data;
  event.gpu = at.gpu;
  event.gi = at.gi;
  event.ci = at.ci;
}

}  // namespace migsim
