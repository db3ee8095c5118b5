// SPDX-License-Identifier: Apache-2.0
// A layout in the journal's encoding: text (JSON, format 1) of modes, GPU instances and compute
// instances with their placements, by GPU uuid. Parsed strictly.
#ifndef MIGCTL_APPLY_SAVED_LAYOUT_H_
#define MIGCTL_APPLY_SAVED_LAYOUT_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "model/past_layout.h"

namespace mig::apply {

// Serialises the GPUs of `uuids` in `inventory`.
std::string save_layout(const Inventory& inventory, const std::vector<std::string>& uuids);

// `now` with the saved modes and instances in place of the current ones: for comparison and
// rollback. GPUs absent from the text are as in `now`; one that `now` lacks has the saved data
// only.
Result<Inventory> rebuild(std::string_view saved, const Inventory& now);

// The saved layout as a desired layout with every placement given. kNotFound when a GPU is absent
// now.
Result<DesiredLayout> wish_of(std::string_view saved, const Inventory& now);

// The compute instances of a saved layout, with what was recorded of their names.
Result<PastLayout> instances_in(std::string_view saved);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_SAVED_LAYOUT_H_
