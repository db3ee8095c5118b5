// SPDX-License-Identifier: Apache-2.0
#include "service/restore.h"

#include <utility>

#include <fmt/format.h>

namespace mig::service {
namespace {

// First of all: an interrupted change is no layout to plan from.
Result<void> recover_first(node::Node& node, ChangeObserver& observer) {
  const std::shared_ptr<void> guarded = observer.guard();
  MIG_ASSIGN_OR_RETURN(const apply::Recovery recovery, node.recover([&] { observer.alive(); }));
  if (recovery.result.outcome != node::Outcome::kStuck) {
    observer.note(fmt::format("change {} was cut short; recovered", recovery.change));
    return {};
  }
  Error error = recovery.result.failure.value_or(Error{ErrorCode::kStuck, "", {}, {}, {}});
  error.code = ErrorCode::kStuck;
  return std::move(error).in("recovering a change that was cut short");
}

}  // namespace

Wish wish_checkpoint(const Checkpoint& checkpoint) {
  return wish_layout(
      [checkpoint](const Inventory& now) { return config::wish_of(checkpoint, now); },
      node::Cause::kRestore);
}

Result<std::vector<std::string>> restore_names(node::Node& node,
                                               const Checkpoint& checkpoint,
                                               bool mode_only) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  std::vector<std::string> lines = config::renamed(checkpoint, now);
  if (!mode_only) {
    MIG_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         node.restore_names(checkpoint.names));
    lines.insert(lines.end(), names.begin(), names.end());
  }
  return lines;
}

Result<Restored> restore_last_good(node::Node& node,
                                   ChangeOptions options,
                                   ChangeObserver& observer) {
  MIG_ASSIGN_OR_RETURN(const auto cut_short, node.interrupted());
  if (cut_short && !options.dry_run) {
    MIG_TRY(recover_first(node, observer));
  }
  if (options.reason.empty()) {
    options.reason = "last good layout";
  }
  MIG_ASSIGN_OR_RETURN(const Inventory before, node.inventory());
  auto changed = change(node, wish_last_good(), options, observer);
  if (!changed && changed.error().code == ErrorCode::kNothingMatched) {
    return Restored{changed.error().text(), std::nullopt, std::nullopt};
  }
  Restored restored;
  MIG_ASSIGN_OR_RETURN(restored.changed, std::move(changed));
  if (const auto whole = before.none_lost(); !whole) {
    restored.lost = whole.error();
  }
  return restored;
}

}  // namespace mig::service
