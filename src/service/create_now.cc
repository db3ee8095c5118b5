// SPDX-License-Identifier: Apache-2.0
#include "service/create_now.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "node/slot_creation.h"
#include "service/change.h"
#include "service/signals_later.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

// Patience with concurrent writers.
constexpr auto kOthers = 15s;
constexpr auto kBetweenTries = 50ms;

Result<node::SlotView> find_slot(node::Node& node, const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const std::vector<node::SlotView> all, node.slots());
  const auto it = std::find_if(
      all.begin(), all.end(), [&](const node::SlotView& view) { return view.row.name == name; });
  if (it != all.end()) {
    return *it;
  }
  return node.resolve_slot(name);  // says that there is none
}

Result<void> make_once(node::Node& node, const node::SlotView& slot, const MadeFor& made_for) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(const node::Node::CreateRequest request, node::slot_request(slot, now));
  return create_now(node, request, node::Cause::kSlotCreate, "slot " + slot.row.name, made_for);
}

}  // namespace

Result<void> create_now(node::Node& node,
                        const node::Node::CreateRequest& request,
                        node::Cause cause,
                        const std::string& reason,
                        const std::optional<MadeFor>& made_for) {
  const Wish create = wish_create(request);
  Wish wish;
  wish.cause = cause;
  wish.plan = [&create](node::Node& on, bool around) -> Result<Plan> {
    MIG_ASSIGN_OR_RETURN(Plan plan, create.plan(on, around));
    if (plan.blocked()) {
      return fail(ErrorCode::kInUse, "others are in the way");
    }
    return plan;
  };
  ChangeOptions options;
  options.allow_reset = false;
  options.command = "lease --create";
  options.reason = reason;
  options.made_for = made_for;
  ChangeObserver nobody;
  const SignalsLater later;
  MIG_ASSIGN_OR_RETURN(const Changed done, change(node, wish, options, nobody));
  if (done.result->failure) {
    return *done.result->failure;
  }
  return {};
}

Result<node::SlotView> make_slot(node::Node& node,
                                 const std::string& name,
                                 const MadeFor& made_for) {
  base::Clock& clock = base::system_clock();
  const auto deadline = clock.monotonic() + kOthers;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const node::SlotView slot, find_slot(node, name));
    const bool could = slot.in_the_way.empty() && (slot.state == node::SlotState::kEmpty ||
                                                   slot.state == node::SlotState::kTaken);
    if (!could) {
      return node.resolve_slot(name);
    }
    auto made = make_once(node, slot, made_for);
    if (made) {
      return node.resolve_slot(name);
    }
    if (made.error().code != ErrorCode::kConflict || clock.monotonic() >= deadline) {
      return std::move(made).error().in(fmt::format("cannot make slot {}", name));
    }
    clock.sleep(kBetweenTries);
    node.forget();
  }
}

}  // namespace mig::service
