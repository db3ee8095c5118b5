// SPDX-License-Identifier: Apache-2.0
// Names of places for instances, kept in a file of their own beside the journal: a journal that is
// damaged or moved away takes no names with it. Rows are plain values: this room knows no GPUs.
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
  std::optional<std::int64_t> ci_start;  // which of several compute instances; nullopt = the only
  std::int64_t set_ms = 0;               // Unix time
  // The MIG UUID last seen there and the one before it; "" = none yet.
  std::string uuid, previous_uuid;
  std::optional<std::int64_t> changed_ms;  // when `uuid` took the place of `previous_uuid`
};

class Slots {
 public:
  static Result<Slots> open(const std::string& path);

  Result<void> set(const SlotRow& row);  // new, or in place of the slot of that name
  Result<std::optional<SlotRow>> find(const std::string& name);
  Result<std::vector<SlotRow>> all();  // by name
  Result<bool> remove(const std::string& name);
  // Notes what is there now; the same UUID again changes nothing.
  Result<void> saw(const std::string& name, const std::string& uuid);

 private:
  explicit Slots(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_SLOTS_H_
