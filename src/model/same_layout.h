// SPDX-License-Identifier: Apache-2.0
// Whether two readings of a GPU show one layout. Pure.
#ifndef MIGCTL_MODEL_SAME_LAYOUT_H_
#define MIGCTL_MODEL_SAME_LAYOUT_H_

#include "mig/inventory.h"

namespace mig {

// Compares UUID, modes and instances (ids, profiles, places, MIG devices), and nothing that changes
// without a change of layout: processes, memory in use, the GPU's index.
bool same_layout(const Gpu& a, const Gpu& b);

}  // namespace mig

#endif  // MIGCTL_MODEL_SAME_LAYOUT_H_
