// SPDX-License-Identifier: Apache-2.0
#include "apply/after_change.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "apply/apply.h"
#include "model/same_layout.h"

namespace mig::apply {
namespace {

constexpr std::array<std::pair<Cause, std::string_view>, 13> kNames = {{
    {Cause::kApply, "apply"},
    {Cause::kCreate, "create"},
    {Cause::kDestroy, "destroy"},
    {Cause::kMode, "mode"},
    {Cause::kUndo, "undo"},
    {Cause::kRecover, "recover"},
    {Cause::kRestore, "restore"},
    {Cause::kLeaseCreate, "lease --create"},
    {Cause::kSlotCreate, "slot --create"},
    {Cause::kReclaim, "reclaim"},
    {Cause::kMigrate, "migrate"},
    {Cause::kSmi, "smi"},
    {Cause::kDrift, "drift"},
}};

bool same_gpu(const Gpu& a, const Gpu& b) {
  return a.index == b.index && same_layout(a, b);
}

}  // namespace

std::string_view name_of(Cause cause) {
  const auto found = std::find_if(
      kNames.begin(), kNames.end(), [&](const auto& one) { return one.first == cause; });
  return found == kNames.end() ? "" : found->second;
}

bool differs(const Inventory& before, const Inventory& after) {
  return !std::equal(before.gpus.begin(),
                     before.gpus.end(),
                     after.gpus.begin(),
                     after.gpus.end(),
                     same_gpu) ||
         !std::equal(before.lost.begin(),
                     before.lost.end(),
                     after.lost.begin(),
                     after.lost.end(),
                     [](const LostGpu& a, const LostGpu& b) { return a.index == b.index; });
}

void ChangeListeners::add(std::string name, Listener listener) {
  listeners_.emplace_back(std::move(name), std::move(listener));
}

void ChangeListeners::read(const Inventory& now, Cause cause) {
  if (listeners_.empty()) {
    return;
  }
  std::optional<Inventory> before = std::exchange(known_, now);
  if (!before || !differs(*before, now)) {
    return;
  }
  const AfterChange change{*std::move(before), now, cause};
  for (const auto& [name, listener] : listeners_) {
    if (auto heard = listener(change); !heard) {
      warnings_.push_back(fmt::format(
          "the machine was changed ({}), but {}: {}", name_of(cause), name, heard.error().text()));
    }
  }
}

Result<void> AfterChangeRecorder::begin(const Plan& /*plan*/, const Inventory& before) {
  listeners_.read(before);
  return {};
}

Result<void> AfterChangeRecorder::before_call(const Call& /*call*/) {
  return {};
}

Result<void> AfterChangeRecorder::after_call(const Call& /*call*/, const Error* /*error*/) {
  return {};
}

Result<void> AfterChangeRecorder::finish(const ApplyResult& result) {
  if (!result.after.gpus.empty() || !result.after.lost.empty()) {
    listeners_.read(result.after, cause_);
  }
  return {};
}

}  // namespace mig::apply
