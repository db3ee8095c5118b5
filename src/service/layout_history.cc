// SPDX-License-Identifier: Apache-2.0
#include "service/layout_history.h"

#include <algorithm>
#include <climits>
#include <memory>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "apply/saved_layout.h"
#include "planner/most_room.h"

namespace mig::service {
namespace {

// Mode and instances as text: equal for equal layouts, ids included.
std::string layout_key(const Gpu& gpu) {
  if (gpu.mig_current != MigMode::kEnabled) {
    return "off";
  }
  std::string key = "on";
  for (const GpuInstance& one : gpu.instances) {
    key += fmt::format(
        " {}:{}@{}+{}", one.id.value, one.name.str(), one.placement.start, one.placement.size);
    for (const ComputeInstance& compute : one.compute_instances) {
      key += fmt::format(",{}:{}", compute.id.value, compute.name.str());
    }
  }
  return key;
}

// A look at a GPU. `change`: of a record of the journal, whose beginning and end go together.
struct Look {
  std::int64_t at_ms = 0;
  std::int64_t change = 0;
  bool end_of_change = false;
  bool of_all = false;  // somebody looked at every GPU of the machine then
  std::shared_ptr<const Gpu> gpu;
  std::string key;
};

class LayoutHistory {
 public:
  LayoutHistory(const UsageRecords& records, cost::Period period, std::int64_t now_ms)
      : records_(records), period_(period), now_ms_(now_ms) {}

  Result<std::vector<cost::UsedGpu>> run() {
    MIG_TRY(add_changes());
    MIG_TRY(add_seen());
    for (const Gpu& gpu : records_.now.gpus) {
      auto& looks = looks_[gpu.uuid];  // it is there, whether its layout can be read or not
      if (gpu.instances_complete) {
        looks.push_back(
            {now_ms_, 0, false, true, std::make_shared<const Gpu>(gpu), layout_key(gpu)});
      }
    }
    std::vector<cost::UsedGpu> out;
    for (auto& [uuid, looks] : looks_) {
      std::stable_sort(looks.begin(), looks.end(), [](const Look& a, const Look& b) {
        return a.at_ms < b.at_ms;
      });
      cost::UsedGpu gpu = used_gpu(uuid, looks);
      if (gpu.from_ms < gpu.until_ms) {
        out.push_back(std::move(gpu));
      }
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return std::pair(!a.index, a.index) < std::pair(!b.index, b.index);
    });
    return out;
  }

 private:
  using Gpus = std::map<std::string, std::shared_ptr<const Gpu>>;

  Result<const Gpus*> read(const std::string& saved) {
    const auto known = read_.find(saved);
    if (known != read_.end()) {
      return &known->second;
    }
    MIG_ASSIGN_OR_RETURN(const Inventory was, apply::rebuild(saved, Inventory{}));
    Gpus& gpus = read_[saved];
    for (const Gpu& gpu : was.gpus) {
      gpus[gpu.uuid] = std::make_shared<const Gpu>(gpu);
    }
    return &gpus;
  }

  Result<void> add(const std::string& saved, const Look& look) {
    if (saved.empty()) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(const Gpus* gpus, read(saved));
    for (const auto& [uuid, gpu] : *gpus) {
      Look& added = looks_[uuid].emplace_back(look);
      added.gpu = gpu;
      added.key = layout_key(*gpu);
    }
    return {};
  }

  // A change that failed and was undone ends as it began; one that is stuck or open has no known
  // end.
  Result<void> add_changes() {
    for (const ChangeRecord& change : records_.changes) {
      MIG_TRY(add(change.before, {change.started_ms, change.id, false, false, nullptr, {}}));
      if (change.finished_ms && change.state != ChangeState::kStuck) {
        MIG_TRY(add(change.after, {*change.finished_ms, change.id, true, false, nullptr, {}}));
      }
    }
    return {};
  }

  // Not inside of a change: what was seen there is half of it.
  bool during_change(std::int64_t at_ms) const {
    return std::any_of(
        records_.changes.begin(), records_.changes.end(), [&](const ChangeRecord& change) {
          return change.finished_ms && at_ms > change.started_ms && at_ms < *change.finished_ms;
        });
  }

  Result<void> add_seen() {
    for (const store::LayoutSeen& seen : records_.seen) {
      all_from_ms_ = std::min(all_from_ms_, seen.first_ms);
      for (const std::int64_t at : {seen.first_ms, seen.last_ms}) {
        if (!during_change(at)) {
          MIG_TRY(add(seen.layout, {at, 0, false, true, nullptr, {}}));
        }
      }
    }
    return {};
  }

  cost::UsedGpu used_gpu(const std::string& uuid, const std::vector<Look>& looks) const {
    cost::UsedGpu out;
    out.uuid = uuid;
    const Gpu* here = records_.now.find_gpu(uuid);
    if (here != nullptr) {
      out.index = here->index.value;
      out.board = here->name;
    }
    for (const store::LayoutSeen& seen : records_.seen) {
      if (out.board.empty() && seen.gpu_uuid == uuid) {
        out.board = seen.board;
      }
    }
    // Somebody who looked at all GPUs before did not see it: it came with the first look. It is
    // gone with the last one.
    const bool came = !looks.empty() && looks.front().of_all && looks.front().at_ms > all_from_ms_;
    out.from_ms = came ? std::max(period_.from_ms, looks.front().at_ms) : period_.from_ms;
    out.until_ms = here != nullptr || looks.empty()
                       ? period_.until_ms
                       : std::min(period_.until_ms, looks.back().at_ms);
    if (const Gpu* figures = figures_of(records_, uuid)) {
      out.whole = {figures->compute_slices, figures->memory_slices, 0};
      for (const GpuInstanceProfile& profile : figures->profiles) {
        out.whole.sm = std::max(out.whole.sm, profile.sm);
      }
      add_layouts(*figures, looks, out);
    }
    return out;
  }

  void add_layouts(const Gpu& figures, const std::vector<Look>& looks, cost::UsedGpu& out) const {
    std::map<std::string, cost::LayoutSpan> known;
    for (std::size_t i = 0; i + 1 < looks.size(); ++i) {
      const Look& a = looks[i];
      const Look& b = looks[i + 1];
      const bool one_change = a.change != 0 && a.change == b.change && b.end_of_change;
      const std::int64_t from = std::max(a.at_ms, out.from_ms);
      const std::int64_t until = std::min(b.at_ms, out.until_ms);
      if ((a.key != b.key && !one_change) || from >= until) {
        continue;
      }
      const bool goes_on =
          !out.layouts.empty() && last_key_ == a.key && out.layouts.back().until_ms == from;
      if (goes_on) {
        out.layouts.back().until_ms = until;
        continue;
      }
      auto found = known.find(a.key);
      if (found == known.end()) {
        found = known.emplace(a.key, span_of(figures, *a.gpu)).first;
      }
      cost::LayoutSpan& span = out.layouts.emplace_back(found->second);
      span.from_ms = from;
      span.until_ms = until;
      last_key_ = a.key;
    }
  }

  static cost::LayoutSpan span_of(const Gpu& figures, const Gpu& was) {
    cost::LayoutSpan span;
    span.mig = was.mig_current == MigMode::kEnabled;
    if (!span.mig) {
      return span;
    }
    Gpu gpu = figures;
    gpu.instances = was.instances;
    for (const GpuInstance& one : was.instances) {
      cost::Amount amount = amount_of(figures, one.name);
      amount.memory_slices = one.placement.size;
      amount.sm = one.sm != 0 ? one.sm : amount.sm;
      span.instances.push_back({one.id.value, one.name.str(), amount});
    }
    const planner::MostRoom most = planner::most_room(gpu);
    span.room = {{most.slices, most.memory_slices, most.sm}, most.dominant};
    return span;
  }

  const UsageRecords& records_;
  cost::Period period_;
  std::int64_t now_ms_;
  std::int64_t all_from_ms_ = INT64_MAX;
  std::map<std::string, Gpus> read_;                // by saved text
  std::map<std::string, std::vector<Look>> looks_;  // by uuid
  mutable std::string last_key_;                    // of the last span
};

}  // namespace

cost::Amount amount_of(const Gpu& gpu, const ProfileName& profile) {
  const GpuInstanceProfile* found = gpu.find_profile(profile);
  if (found == nullptr) {
    return {};
  }
  return {found->slices, found->placements.empty() ? 0 : found->placements.front().size, found->sm};
}

const Gpu* figures_of(const UsageRecords& records, const std::string& uuid) {
  if (const Gpu* here = records.now.find_gpu(std::string_view(uuid))) {
    return here;
  }
  for (const store::LayoutSeen& seen : records.seen) {
    if (seen.gpu_uuid != uuid) {
      continue;
    }
    for (const Gpu& gpu : records.now.gpus) {
      if (gpu.name == seen.board) {
        return &gpu;
      }
    }
  }
  return nullptr;
}

Result<std::vector<cost::UsedGpu>> layout_history(const UsageRecords& records,
                                                  cost::Period period,
                                                  std::int64_t now_ms) {
  return LayoutHistory(records, period, now_ms).run();
}

}  // namespace mig::service
