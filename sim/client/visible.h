// SPDX-License-Identifier: Apache-2.0
// Which instance a program sees, by CUDA_VISIBLE_DEVICES' rules.
#ifndef MIGCTL_SIM_CLIENT_VISIBLE_H_
#define MIGCTL_SIM_CLIENT_VISIBLE_H_

#include <string>

#include "sim/machine/process.h"
#include "sim/machine/state.h"

namespace migsim {

// The first entry of `visible` (a CUDA_VISIBLE_DEVICES value), or what CUDA picks when it is null:
// the first MIG device there is, else the first GPU without MIG. An index or a GPU-<uuid> of a GPU
// in MIG mode means its first MIG device. UUIDs may be cut short as long as they name one device.
// False with the reason in `error`.
bool find_visible(const Hardware& hardware,
                  const State& state,
                  const char* visible,
                  Instance& found,
                  std::string& error);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_VISIBLE_H_
