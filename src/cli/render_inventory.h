// SPDX-License-Identifier: Apache-2.0
// An Inventory as text: pure functions, tested on invented machines.
#ifndef MIGCTL_CLI_RENDER_INVENTORY_H_
#define MIGCTL_CLI_RENDER_INVENTORY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/inventory.h"

#include "cli/output.h"
#include "wire/wire.h"

namespace mig::cli {

// Mark `SIMULATED machine "lab"`, or "" on hardware.
std::string simulated_mark(const wire::Source& source);

std::string known(const std::optional<std::uint32_t>& value);  // "?" = not reported by the driver
std::string slot_range(Placement placement);                   // "4-7", "2"

std::string render_list(const Inventory& inventory, bool processes, const Paint& paint);
std::string render_profiles(const Inventory& inventory, bool compute, const Paint& paint);
std::string render_placements(const Inventory& inventory, const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_INVENTORY_H_
