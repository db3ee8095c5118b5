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

#include "model/slot.h"
#include "store/database.h"

namespace mig::store {

using SlotRow = SlotRecord;

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
