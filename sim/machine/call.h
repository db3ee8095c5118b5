// SPDX-License-Identifier: Apache-2.0
// Frame of every exported call: injected faults, latency, the call count and the trace.
#ifndef MIGCTL_SIM_MACHINE_CALL_H_
#define MIGCTL_SIM_MACHINE_CALL_H_

#include <cstdint>

#include "sim/machine/machine.h"

namespace migsim {

// Begins an exported call of `function` on `gpu` (kNone: the call is not about one GPU): counts the
// call, sleeps its latency (outside the lock), and carries out an injected fault: hangs, marks the
// GPU lost, raises an Xid, kills the calling process, or returns the injected code. 0 = the call
// proceeds. A call on a lost GPU answers GPU_IS_LOST. Read-only calls without an injected fault
// take no lock (a flag in the mapping tells). A hanging call proceeds after Fault::hang_ms, or
// never.
int begin_call(Machine& machine, const char* function, std::uint32_t gpu);

// Ends the call: carries out kill-after faults and appends one line to the trace file named by
// $MIGSIM_TRACE, if set: <ns> <pid> <function> <gpu, or - > <code>.
void end_call(Machine& machine, const char* function, std::uint32_t gpu, int code);

// Carries out an injected fault of a call that opens the machine (nvmlInit...): such a call is not
// counted, has no latency, leaves no trace, and has faults by its name only, not those of "*".
// 0 = the call succeeds.
int faults_of(Machine& machine, const char* function);

// Latency of the call on hardware in ns; 0 for calls whose latency does not matter. Scaled by
// Options::latency_permille, replaced by State::latencies.
std::uint64_t default_latency_ns(const char* function);

// True when the calling process may change the machine: the process owns the state file, and does
// not play an unprivileged user on its own machine ($MIGSIM_AS_USER).
bool is_admin(const Machine& machine);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_CALL_H_
