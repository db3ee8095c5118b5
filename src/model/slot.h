// SPDX-License-Identifier: Apache-2.0
// Slots, stable names of placements (GPU, placement, profile), and the instance that is there now.
// Plain values; store/slots.h stores the names, node/slot_view.h resolves them.
#ifndef MIGCTL_MODEL_SLOT_H_
#define MIGCTL_MODEL_SLOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/ids.h"

namespace mig {

// A name and its placement, as recorded.
struct SlotRecord {
  std::string name;
  std::string gpu_uuid, pci_bus_id;
  std::int64_t pci_device_id = 0;
  std::string profile;  // of the compute instance
  std::int64_t start = 0, size = 0;
  std::optional<std::int64_t> ci_start;  // start among several; nullopt = the only one
  std::int64_t set_ms = 0;               // Unix time
  // MIG UUID last seen at the slot, and its predecessor; "" = none yet.
  std::string uuid, previous_uuid;
  std::optional<std::int64_t> changed_ms;  // when `uuid` replaced `previous_uuid`
};

enum class SlotState { kReady, kEmpty, kTaken, kMigOff, kNoGpu };

struct Slot {
  SlotRecord row;
  SlotState state = SlotState::kNoGpu;
  std::optional<GpuIndex> gpu;
  bool stand_in = false;  // a GPU other than the named one
  std::string uuid;       // of the current instance; "" = none
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  std::string note;  // why the slot is not ready, or what is unusual; "" = nothing
  // With kTaken: instances to destroy before it can be created; without a compute instance id, the
  // whole GPU instance. Empty = fits beside existing ones, in its GPU instance.
  std::vector<std::pair<GpuInstanceId, std::optional<ComputeInstanceId>>> in_the_way;
};

const char* name_of(SlotState state);  // "mig_off"

}  // namespace mig

#endif  // MIGCTL_MODEL_SLOT_H_
