// SPDX-License-Identifier: Apache-2.0
// The part of Node for slots, and for slots and leases in checkpoints.
#include <utility>

#include "apply/runtime.h"
#include "node/node.h"
#include "node/saved_names.h"
#include "node/slot_creation.h"
#include "planner/planner.h"

namespace mig::node {
namespace {

// The hint names the command that creates the instance, or why that cannot work now.
Error why_not_made(const SlotView& slot, const Inventory& now, Error error) {
  if (slot.state == SlotState::kMigOff || !slot.in_the_way.empty()) {
    return error;
  }
  const auto request = slot_request(slot, now);
  if (!request) {
    return error;
  }
  const auto desired = planner::desired_create(now, *request);
  const auto plan = desired ? planner::plan(now, *desired, {}) : Result<Plan>(desired.error());
  if (!plan) {
    error.hint = "it cannot be made beside what is there: " + plan.error().text();
  }
  return error;
}

}  // namespace

SlotNames Node::slot_names() const {
  return SlotNames(places_.slots());
}

Result<SlotView> Node::set_slot(const SlotRequest& request) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
  MIG_ASSIGN_OR_RETURN(const store::SlotRow row, slot_row(request, now));
  auto set = slot_names().set(row, now);
  if (set) {
    warn(renew_cdi());
  }
  return set;
}

Result<std::vector<SlotView>> Node::slots() {
  MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
  return slot_names().all(now);
}

Result<config::SavedNames> Node::saved_names(const Inventory& now) {
  return node::saved_names(slot_names(), places_.leases(), now);
}

Result<std::vector<std::string>> Node::restore_names(const config::SavedNames& saved) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
  auto restored = node::restore_names(saved, slot_names(), places_.leases(), now);
  warn(renew_cdi());
  return restored;
}

Result<void> Node::remove_slot(const std::string& name) {
  MIG_TRY(slot_names().remove(name));
  warn(renew_cdi());
  return {};
}

Result<SlotView> Node::resolve_slot(const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, inventory());
  auto found = slot_names().resolve(name, now);
  if (found || found.error().code == ErrorCode::kNotFound) {
    return found;
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> all, slot_names().all(now));
  for (const SlotView& slot : all) {
    if (slot.row.name == name) {
      return why_not_made(slot, now, std::move(found).error());
    }
  }
  return found;
}

}  // namespace mig::node
