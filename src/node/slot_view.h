// SPDX-License-Identifier: Apache-2.0
// A stable name for a place - GPU, placement, profile - and what is at that place now. A slot goes
// with its GPU, by UUID, to whatever address; when that GPU is gone, one of the same model at the
// same PCI address stands in for it. MIG UUIDs are taken to be neither stable nor fresh.
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
  std::optional<std::uint32_t> ci_start;  // which of several compute instances of that profile
};

using mig::name_of;
using mig::SlotState;
using SlotView = mig::Slot;

// Checks it against the machine: name, profile, and that the profile may lie there.
Result<store::SlotRow> slot_row(const SlotRequest& request, const Inventory& inventory);

SlotView look_at(const store::SlotRow& row, const Inventory& inventory);

// What `migctl create` takes to make it: "1c.3g.20gb:4/1".
std::string create_word(const store::SlotRow& row);

// The instance that the slot means now, or an error that says what is there instead and the
// commands that lead to it: kNothingMatched, kConflict (another instance is there), kNotFound (no
// GPU).
Result<SlotView> resolve(const store::SlotRow& row, const Inventory& inventory);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_VIEW_H_
