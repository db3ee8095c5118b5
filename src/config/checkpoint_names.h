// SPDX-License-Identifier: Apache-2.0
// Further content of a checkpoint: slots (stable names of placements) and leases. Plain values; the
// caller defines the encoding of a lease.
#ifndef MIGCTL_CONFIG_CHECKPOINT_NAMES_H_
#define MIGCTL_CONFIG_CHECKPOINT_NAMES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mig/layout.h"
#include "mig/result.h"

namespace mig::config {

struct SavedSlot {
  std::string name, gpu_uuid, pci_bus_id;
  std::uint32_t pci_device_id = 0;
  std::string profile;  // profile of the compute instance
  Placement place;
  std::optional<std::uint32_t> compute_start;
  std::string uuid;  // MIG UUID at the time of the checkpoint
};

struct SavedLease {
  std::string gpu_uuid, uuid;
  Placement place;                         // placement of the GPU instance
  std::optional<Placement> compute_place;  // nullopt: not reported by the driver
  std::map<std::string, std::string> words;
  std::map<std::string, std::int64_t> numbers;
};

struct SavedNames {
  std::vector<SavedSlot> slots;
  std::vector<SavedLease> leases;
};

void add_names(const SavedNames& names, nlohmann::ordered_json& document);
// Empty for a file without these members.
Result<SavedNames> read_names(const nlohmann::ordered_json& document, const std::string& file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_CHECKPOINT_NAMES_H_
