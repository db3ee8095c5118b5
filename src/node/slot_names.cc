// SPDX-License-Identifier: Apache-2.0
#include "node/slot_names.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::node {
namespace {

// The report of remapped slots needs the previous UUID. Skipped without write permission.
void note(store::Slots& slots, const SlotView& view) {
  if (!view.uuid.empty() && view.uuid != view.row.uuid) {
    static_cast<void>(slots.saw(view.row.name, view.uuid));
  }
}

// Records the UUID, then reads again: the view has the old UUID and the new one.
Result<SlotView> looked_at(store::Slots& slots, const store::SlotRow& row, const Inventory& now) {
  SlotView view = look_at(row, now);
  note(slots, view);
  MIG_ASSIGN_OR_RETURN(const std::optional<store::SlotRow> noted, slots.find(row.name));
  if (noted) {
    view.row = *noted;
  }
  return view;
}

}  // namespace

Result<std::optional<store::Slots>> SlotNames::existing() const {
  if (::access(path_.c_str(), F_OK) != 0) {
    return std::optional<store::Slots>();
  }
  MIG_ASSIGN_OR_RETURN(store::Slots slots, store::Slots::open(path_));
  return std::optional<store::Slots>(std::move(slots));
}

Error SlotNames::unknown(std::optional<store::Slots>& slots, const std::string& name) {
  std::vector<std::string> names;
  if (slots) {
    if (auto rows = slots->all()) {
      for (const store::SlotRow& row : *rows) {
        names.push_back(row.name);
      }
    }
  }
  const auto near = base::nearest(name, names);
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no slot {}", base::quoted(name)),
               names.empty()  ? "`migctl slot set` names one"
               : near.empty() ? "`migctl slot list` shows them"
                              : "nearest: " + base::join(near, ", "),
               {},
               {}};
}

Result<SlotView> SlotNames::set(const store::SlotRow& row, const Inventory& now) const {
  MIG_ASSIGN_OR_RETURN(store::Slots slots, store::Slots::open(path_));
  MIG_TRY(slots.set(row));
  return looked_at(slots, row, now);
}

Result<std::vector<SlotView>> SlotNames::all(const Inventory& now) const {
  std::vector<SlotView> views;
  MIG_ASSIGN_OR_RETURN(auto slots, existing());
  if (!slots) {
    return views;
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<store::SlotRow> rows, slots->all());
  for (const store::SlotRow& row : rows) {
    MIG_ASSIGN_OR_RETURN(SlotView view, looked_at(*slots, row, now));
    views.push_back(std::move(view));
  }
  return views;
}

Result<void> SlotNames::remove(const std::string& name) const {
  MIG_ASSIGN_OR_RETURN(auto slots, existing());
  bool removed = false;
  if (slots) {
    MIG_ASSIGN_OR_RETURN(removed, slots->remove(name));
  }
  if (!removed) {
    return unknown(slots, name);
  }
  return {};
}

Result<SlotView> SlotNames::resolve(const std::string& name, const Inventory& now) const {
  MIG_ASSIGN_OR_RETURN(auto slots, existing());
  std::optional<store::SlotRow> row;
  if (slots) {
    MIG_ASSIGN_OR_RETURN(row, slots->find(name));
  }
  if (!row) {
    return unknown(slots, name);
  }
  MIG_ASSIGN_OR_RETURN(const SlotView view, looked_at(*slots, *row, now));
  return node::resolve(view.row, now);
}

}  // namespace mig::node
