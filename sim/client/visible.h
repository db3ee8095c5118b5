// SPDX-License-Identifier: Apache-2.0
// Which instance a program sees, by CUDA_VISIBLE_DEVICES' rules.
#ifndef MIGCTL_SIM_CLIENT_VISIBLE_H_
#define MIGCTL_SIM_CLIENT_VISIBLE_H_

#include <string>

#include "sim/machine/process.h"
#include "sim/machine/state.h"

namespace migsim {

// What CUDA enumerates first of a CUDA_VISIBLE_DEVICES value: a list that ends at its first entry
// that names nothing. A MIG device before any GPU without MIG, wherever they stand in the list: a
// GPU without MIG is not enumerated when a compute instance is. With null the list is all GPUs. An
// index or a GPU-<uuid> of a GPU in MIG mode means its first MIG device. UUIDs may be cut short as
// long as they name one device. False with the reason in `error` when the first entry names none.
bool find_visible(const Hardware& hardware,
                  const State& state,
                  const char* visible,
                  Instance& found,
                  std::string& error);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_VISIBLE_H_
