// SPDX-License-Identifier: Apache-2.0
#include "apply/last_good.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apply/saved_layout.h"

namespace mig::apply {
namespace {

// More changes than a machine makes in years.
constexpr std::int64_t kMostChanges = 10'000;

// True for applied changes. A rolled-back change left the layout before it, which a reboot removes.
bool ended_well(const store::ChangeRow& change) {
  return !change.after.empty() && change.state == store::ChangeState::kApplied;
}

}  // namespace

Result<std::string> merge_layouts(const std::vector<std::string>& saved,
                                  const Inventory& now,
                                  std::vector<std::string>& gone) {
  using Layout = nlohmann::json;
  Layout merged = Layout::object();
  std::set<std::string> seen;
  try {
    for (const std::string& text : saved) {
      const Layout document = Layout::parse(text);
      if (merged.empty()) {
        merged = {{"format", document.at("format")}, {"gpus", Layout::array()}};
      }
      for (Layout gpu : document.at("gpus")) {
        const auto uuid = gpu.at("uuid").get<std::string>();
        if (!seen.insert(uuid).second) {
          continue;
        }
        if (gpu.contains("migPending")) {
          gpu["migEnabled"] = gpu.at("migPending").get<bool>();
        }
        if (now.find_gpu(std::string_view(uuid)) == nullptr) {
          gone.push_back(uuid);
        } else {
          merged.at("gpus").push_back(std::move(gpu));
        }
      }
    }
  } catch (const Layout::exception& error) {
    return fail(ErrorCode::kInternal,
                fmt::format("a layout in the journal cannot be read: {}", error.what()),
                "the journal was changed by something else, or by a newer migctl");
  }
  return merged.empty() || merged.at("gpus").empty() ? std::string() : merged.dump();
}

Result<DesiredLayout> last_good(store::Journal& journal, const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(const std::vector<store::ChangeRow> changes, journal.history(kMostChanges));
  std::vector<std::string> texts;
  for (const store::ChangeRow& change : changes) {
    if (ended_well(change)) {
      texts.push_back(change.after);
    }
  }
  std::vector<std::string> gone;
  MIG_ASSIGN_OR_RETURN(const std::string merged, merge_layouts(texts, now, gone));
  if (merged.empty() && !gone.empty()) {
    MIG_TRY(now.none_lost());
  }
  if (merged.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "no layout of a GPU of this machine is recorded",
                "`migctl apply` makes one and records it");
  }
  MIG_ASSIGN_OR_RETURN(DesiredLayout wish, wish_of(merged, now));
  wish.label = "the last good layout";
  for (DesiredGpu& gpu : wish.gpus) {
    if (!gpu.mig_enabled) {
      gpu.instances.clear();
    }
  }
  for (const std::string& uuid : gone) {
    wish.warnings.push_back(
        fmt::format("GPU {} had a layout and is not on this machine now: left out", uuid));
  }
  return wish;
}

Result<DesiredLayout> layout_before(store::Journal& journal,
                                    const store::ChangeRow& change,
                                    const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(std::vector<store::ChangeRow> changes, journal.history(kMostChanges));
  std::reverse(changes.begin(), changes.end());  // oldest first: it recorded the layout before
  std::vector<std::string> texts;
  for (const store::ChangeRow& later : changes) {
    if (later.id >= change.id && !later.before.empty()) {
      texts.push_back(later.before);
    }
  }
  std::vector<std::string> gone;
  MIG_ASSIGN_OR_RETURN(const std::string merged, merge_layouts(texts, now, gone));
  if (merged.empty()) {
    MIG_TRY(now.none_lost());
  }
  if (merged.empty()) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("no GPU that change {} touched is on this machine", change.id));
  }
  if (!gone.empty()) {
    MIG_TRY(now.none_lost());
  }
  MIG_ASSIGN_OR_RETURN(DesiredLayout wish, wish_of(merged, now));
  for (const std::string& uuid : gone) {
    wish.warnings.push_back(
        fmt::format("GPU {} was changed since and is not on this machine now: left out", uuid));
  }
  return wish;
}

}  // namespace mig::apply
