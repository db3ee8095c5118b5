// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: the file named by $MIGSIM_TRACE, one line per exported call.
#ifndef MIGCTL_SIM_MACHINE_TRACE_H_
#define MIGCTL_SIM_MACHINE_TRACE_H_

#include <cstdint>

namespace migsim {

// One write() per line to a file opened with O_APPEND, so lines of several processes do not
// interleave.
void trace_call(const char* function, std::uint32_t gpu, int code);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_TRACE_H_
