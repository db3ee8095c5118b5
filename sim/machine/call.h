// SPDX-License-Identifier: Apache-2.0
// What happens around every exported call: injected faults, latency, the call count and the trace.
#ifndef MIGCTL_SIM_MACHINE_CALL_H_
#define MIGCTL_SIM_MACHINE_CALL_H_

#include <cstdint>

#include "sim/machine/machine.h"

namespace migsim {

// Begins a call of `function` on `gpu` (kNone: not about one GPU): counts it, waits its latency
// (outside the lock), and carries out an injected fault: hangs, marks the GPU lost, raises an Xid,
// kills the calling process, or returns the injected code. 0 = go on. A call on a lost GPU answers
// GPU_IS_LOST. Reads that nobody injected anything into cost no lock (a flag in the mapping says
// so). A call that hangs goes on after Fault::hang_ms, or never.
int begin_call(Machine& machine, const char* function, std::uint32_t gpu);

// Ends it: kill-after faults, and one line in the file named by $MIGSIM_TRACE if set:
// <ns> <pid> <function> <gpu, or - > <code>.
void end_call(Machine& machine, const char* function, std::uint32_t gpu, int code);

// How long the call takes on hardware, 0 where that does not matter to anyone; scaled by
// Options::latency_permille, replaced by State::latencies.
std::uint64_t default_latency_ns(const char* function);

// True when the calling process may change the machine: it owns the state, and does not play a user
// without rights on its own machine ($MIGSIM_AS_USER).
bool is_admin(const Machine& machine);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_CALL_H_
