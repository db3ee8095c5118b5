// SPDX-License-Identifier: Apache-2.0
#include "apply/last_good.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "apply/saved_layout.h"
#include "base/json.h"

namespace mig::apply {
namespace {

// More changes than a machine makes in years.
constexpr std::int64_t kMostChanges = 10'000;

// True for applied changes. A rolled-back change left the layout before it, which a reboot removes.
bool ended_well(const store::ChangeRow& change) {
  return !change.after.empty() && change.state == store::ChangeState::kApplied;
}

// A recorded layout, and its GPUs with the mode that a restart of the machine leaves.
struct RecordedLayout {
  base::Json document;
  std::vector<std::string> uuids;  // of document["gpus"]
};

Result<RecordedLayout> read_recorded_layout(const std::string& text) {
  constexpr std::size_t kMostBytes = 16U << 20U;
  const auto unreadable = [](const std::string& why) {
    return fail(ErrorCode::kInternal,
                "a layout in the journal cannot be read: " + why,
                "the journal was changed by something else, or by a newer migctl");
  };
  auto document = base::parse_json(text, {kMostBytes, "the record"});
  if (!document) {
    return unreadable(document.error().message);
  }
  RecordedLayout out{*std::move(document), {}};
  std::vector<bool> enabled;
  base::JsonProblem problem;
  const base::JsonReader reader(out.document, "", problem);
  static_cast<void>(reader.at("format").u32());
  for (const base::JsonReader& gpu : reader.at("gpus").elements()) {
    out.uuids.push_back(gpu.at("uuid").text());
    enabled.push_back(gpu.at(gpu.has("migPending") ? "migPending" : "migEnabled").boolean());
  }
  if (problem.any()) {
    return unreadable(problem.text());
  }
  for (std::size_t i = 0; i < enabled.size(); ++i) {
    out.document["gpus"][i]["migEnabled"] = bool{enabled[i]};
  }
  return out;
}

}  // namespace

Result<std::string> merge_layouts(const std::vector<std::string>& saved,
                                  const Inventory& now,
                                  std::vector<std::string>& gone) {
  base::Json merged;
  std::set<std::string> seen;
  for (const std::string& text : saved) {
    MIG_ASSIGN_OR_RETURN(RecordedLayout recorded, read_recorded_layout(text));
    if (merged.is_null()) {
      merged = {{"format", recorded.document["format"]}, {"gpus", base::Json::array()}};
    }
    for (std::size_t i = 0; i < recorded.uuids.size(); ++i) {
      const std::string& uuid = recorded.uuids[i];
      if (!seen.insert(uuid).second) {
        continue;
      }
      if (now.find_gpu(std::string_view(uuid)) == nullptr) {
        gone.push_back(uuid);
      } else {
        merged["gpus"].push_back(std::move(recorded.document["gpus"][i]));
      }
    }
  }
  return merged.is_null() || merged["gpus"].empty() ? std::string() : merged.dump();
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
