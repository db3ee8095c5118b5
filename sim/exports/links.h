// SPDX-License-Identifier: Apache-2.0
// NVLinks of a simulated GPU, for every call about them.
#ifndef MIGCTL_SIM_EXPORTS_LINKS_H_
#define MIGCTL_SIM_EXPORTS_LINKS_H_

#include "sim/exports/dispatch.h"

namespace migsim::exports {

// True when the GPU's links are up: another board with NVLink is in the machine.
bool linked(const Subject& s);

// True when the GPU has a link of this number and MIG mode does not disable the links.
bool has_link(const Subject& s, unsigned link);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_LINKS_H_
