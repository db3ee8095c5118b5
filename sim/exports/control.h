// SPDX-License-Identifier: Apache-2.0
#ifndef MIGCTL_SIM_EXPORTS_CONTROL_H_
#define MIGCTL_SIM_EXPORTS_CONTROL_H_

#include "abi/simulated.h"
#include "sim/machine/machine.h"

namespace migsim::exports {

// The simulator's control table for this machine; valid as long as the library is loaded.
const migsim_control* control_table(Machine& machine);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_CONTROL_H_
