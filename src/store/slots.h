// SPDX-License-Identifier: Apache-2.0
// Slots (stable names of placements), in a file beside the journal: a journal that is damaged or
// moved away loses no names. Rows are plain values without knowledge of GPUs.
//
// Threading: as Database.
#ifndef MIGCTL_STORE_SLOTS_H_
#define MIGCTL_STORE_SLOTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "store/database.h"

namespace mig::store {

struct SlotRow {
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

class Slots {
 public:
  static Result<Slots> open(const std::string& path);

  Result<void> set(const SlotRow& row);  // adds the slot, or replaces the one of that name
  Result<std::optional<SlotRow>> find(const std::string& name);
  Result<std::vector<SlotRow>> all();  // by name
  Result<bool> remove(const std::string& name);
  // Records the UUID seen at the slot; idempotent for an unchanged UUID.
  Result<void> saw(const std::string& name, const std::string& uuid);

 private:
  explicit Slots(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_SLOTS_H_
