// SPDX-License-Identifier: Apache-2.0
// A slot, a stable name for a placement (GPU, placement, profile), and the instance that is there
// now. A slot follows its GPU by UUID, to any address; when the GPU is gone, one of the same model
// at the same PCI address stands in. MIG UUIDs are assumed to be neither stable nor unique over
// time.
#ifndef MIGCTL_NODE_SLOT_VIEW_H_
#define MIGCTL_NODE_SLOT_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "store/slots.h"

namespace mig::node {

struct SlotRequest {
  std::string name;
  GpuIndex gpu;
  ProfileName profile;  // of the compute instance: 2g.10gb, or 1c.3g.20gb
  std::uint32_t start = 0;
  std::optional<std::uint32_t> size;      // nullopt: the profile's
  std::optional<std::uint32_t> ci_start;  // to choose among several
};

using mig::name_of;
using mig::SlotState;
using SlotView = mig::Slot;

// Checks the request against the machine: name, profile, and a legal placement.
Result<store::SlotRow> slot_row(const SlotRequest& request, const Inventory& inventory);

SlotView look_at(const store::SlotRow& row, const Inventory& inventory);

// Argument of `migctl create` for the slot: "1c.3g.20gb:4/1".
std::string create_word(const store::SlotRow& row);

// The current instance of the slot, or an error with what is there instead and the commands to fix
// it: kNothingMatched, kConflict (another instance is there), kNotFound (no GPU).
Result<SlotView> resolve(const store::SlotRow& row, const Inventory& inventory);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_VIEW_H_
