// SPDX-License-Identifier: Apache-2.0
// Selects the instance that a program sees, by CUDA_VISIBLE_DEVICES' rules.
#ifndef MIGCTL_SIM_CLIENT_VISIBLE_H_
#define MIGCTL_SIM_CLIENT_VISIBLE_H_

#include <functional>
#include <string>

#include "sim/machine/process.h"
#include "sim/machine/state.h"

namespace migsim {

// The device that CUDA would enumerate first for a value of CUDA_VISIBLE_DEVICES: a list that ends
// at its first invalid entry. A MIG device precedes every GPU without MIG, wherever they stand in
// the list: a GPU without MIG is not enumerated beside a compute instance. Null stands for the list
// of all GPUs. An index or GPU-<uuid> of a GPU in MIG mode means its first MIG device. UUIDs may be
// abbreviated to a unique prefix. False, with the reason in `error`, when the first entry is
// invalid.
//
// A device that the process cannot open is not enumerated, and indices count the GPUs that are:
// so a container with the nodes of one instance, or a job in `migctl run`'s sandbox, has it as
// index 0, whichever GPU it is on. Evidence: containers of one MIG device (NVIDIA's container
// toolkit gives them no others' nodes, and CUDA's index 0 is theirs); that a node which exists and
// cannot be opened counts like one that is absent is assumed. Where nothing can be opened all
// count, so that the caller learns why the first is refused.
using CanOpen = std::function<bool(const Instance&)>;

bool find_visible(const Hardware& hardware,
                  const State& state,
                  const char* visible,
                  Instance& found,
                  std::string& error,
                  const CanOpen& can_open = {});

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_VISIBLE_H_
