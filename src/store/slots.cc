// SPDX-License-Identifier: Apache-2.0
#include "store/slots.h"

#include <chrono>
#include <string_view>
#include <utility>

namespace mig::store {

namespace {

constexpr std::string_view kSlotSchema1 = R"sql(
CREATE TABLE slot (
  name TEXT PRIMARY KEY, gpu_uuid TEXT NOT NULL, pci_bus_id TEXT NOT NULL,
  pci_device_id INTEGER NOT NULL, profile TEXT NOT NULL, start INTEGER NOT NULL,
  size INTEGER NOT NULL, ci_start INTEGER, set_ms INTEGER NOT NULL,
  uuid TEXT NOT NULL DEFAULT '', previous_uuid TEXT NOT NULL DEFAULT '', changed_ms INTEGER)
  WITHOUT ROWID;
)sql";

constexpr std::string_view kSelectSlots =
    "SELECT name, gpu_uuid, pci_bus_id, pci_device_id, profile, start, size, ci_start, set_ms, "
    "uuid, previous_uuid, changed_ms FROM slot ";

std::int64_t slot_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

Result<std::vector<SlotRow>> read_slots(Statement query) {
  std::vector<SlotRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    SlotRow row;
    row.name = query.text(0);
    row.gpu_uuid = query.text(1);
    row.pci_bus_id = query.text(2);
    row.pci_device_id = query.integer(3);
    row.profile = query.text(4);
    row.start = query.integer(5);
    row.size = query.integer(6);
    row.ci_start = query.maybe_integer(7);
    row.set_ms = query.integer(8);
    row.uuid = query.text(9);
    row.previous_uuid = query.text(10);
    row.changed_ms = query.maybe_integer(11);
    rows.push_back(std::move(row));
  }
}

}  // namespace

Result<Slots> Slots::open(const std::string& path) {
  auto database = Database::open(path, {kSlotSchema1});
  if (!database) {
    return std::move(database).error().in("slot names");
  }
  return Slots(*std::move(database));
}

Result<void> Slots::set(const SlotRow& row) {
  MIG_ASSIGN_OR_RETURN(
      Statement insert,
      database_.prepare("INSERT OR REPLACE INTO slot (name, gpu_uuid, pci_bus_id, pci_device_id, "
                        "profile, start, size, ci_start, set_ms, uuid) "
                        "VALUES (?,?,?,?,?,?,?,?,?,?)"));
  insert.bind(row.name).bind(row.gpu_uuid).bind(row.pci_bus_id).bind(row.pci_device_id);
  insert.bind(row.profile).bind(row.start).bind(row.size).bind(row.ci_start);
  insert.bind(slot_clock_ms()).bind(row.uuid);
  return insert.run();
}

Result<std::optional<SlotRow>> Slots::find(const std::string& name) {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(std::string(kSelectSlots) + "WHERE name=?"));
  query.bind(name);
  MIG_ASSIGN_OR_RETURN(std::vector<SlotRow> rows, read_slots(std::move(query)));
  if (rows.empty()) {
    return std::optional<SlotRow>();
  }
  return std::optional<SlotRow>(std::move(rows.front()));
}

Result<std::vector<SlotRow>> Slots::all() {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(std::string(kSelectSlots) + "ORDER BY name"));
  return read_slots(std::move(query));
}

Result<bool> Slots::remove(const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const std::optional<SlotRow> row, find(name));
  if (!row) {
    return false;
  }
  MIG_ASSIGN_OR_RETURN(Statement remove, database_.prepare("DELETE FROM slot WHERE name=?"));
  remove.bind(name);
  MIG_TRY(remove.run());
  return true;
}

Result<void> Slots::saw(const std::string& name, const std::string& uuid) {
  // The first UUID seen has no predecessor.
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE slot SET previous_uuid=uuid, uuid=?, "
                                         "changed_ms=CASE WHEN uuid='' THEN NULL ELSE ? END "
                                         "WHERE name=? AND uuid<>?"));
  update.bind(uuid).bind(slot_clock_ms()).bind(name).bind(uuid);
  return update.run();
}

}  // namespace mig::store
