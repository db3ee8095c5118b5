// SPDX-License-Identifier: Apache-2.0
#include "daemon/sample_news.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::daemon {
namespace {

template <class IdType>
std::int64_t key_of(const std::optional<IdType>& id) {
  return id ? static_cast<std::int64_t>(id->value) : -1;
}

wire::EventNews about(const GpuSample& gpu, const char* type) {
  wire::EventNews news;
  news.type = type;
  news.gpu = gpu.index.value;
  news.gpu_uuid = gpu.uuid;
  return news;
}

// "GPU 1 gi=2 ci=0": as everywhere.
std::string where_text(const GpuSample& gpu, const XidCount& xid) {
  std::string text = fmt::format("GPU {}", gpu.index.value);
  if (xid.gpu_instance) {
    text += fmt::format(" gi={}", xid.gpu_instance->value);
  }
  if (xid.compute_instance) {
    text += fmt::format(" ci={}", xid.compute_instance->value);
  }
  return text;
}

const GpuInstanceSample* instance_of(const GpuSample& gpu, GpuInstanceId id) {
  const auto found = std::find_if(
      gpu.instances.begin(), gpu.instances.end(), [&](const auto& one) { return one.id == id; });
  return found == gpu.instances.end() ? nullptr : &*found;
}

// What all of them have in common.
void put_owner(wire::EventNews& news, const std::vector<InstanceUse>& uses) {
  if (uses.empty()) {
    return;
  }
  const InstanceUse& first = uses.front();
  const auto same = [&](auto member) {
    return std::all_of(uses.begin(), uses.end(), [&](const InstanceUse& use) {
      return use.*member == first.*member;
    });
  };
  if (!same(&InstanceUse::tenant)) {
    return;
  }
  news.tenant = first.tenant;
  if (same(&InstanceUse::lease)) {
    news.lease = first.lease;
    news.job = first.job;
    news.uid = first.uid;
  }
}

std::vector<InstanceUse> uses_of(const GpuInstanceSample& instance) {
  std::vector<InstanceUse> uses;
  for (const ComputeInstanceSample& compute : instance.compute_instances) {
    uses.insert(uses.end(), compute.uses.begin(), compute.uses.end());
  }
  return uses;
}

}  // namespace

std::vector<wire::EventNews> SampleNews::look(const MachineSample& sample) {
  found_.clear();
  if (!sample.withdrawn.empty()) {
    return {};
  }
  now_ms_ = sample.time_ms;
  for (const GpuSample& gpu : sample.gpus) {
    look_at_xids(gpu);
    look_at_drift(gpu);
    look_at_memory(gpu);
    look_at_idle(gpu, sample.time_ms);
    remember(gpu);
  }
  look_at_collectors(sample);
  return std::exchange(found_, {});
}

// Counts are of one sampler, which ends with this object; a fall would be another's.
void SampleNews::look_at_xids(const GpuSample& gpu) {
  for (const XidCount& xid : gpu.xids) {
    std::uint64_t& told =
        counted_[{gpu.uuid, xid.xid, key_of(xid.gpu_instance), key_of(xid.compute_instance)}];
    const std::uint64_t more = xid.count > told ? xid.count - told : 0;
    told = xid.count;
    if (more == 0) {
      continue;
    }
    wire::EventNews news = about(gpu, "xid");
    news.time_ms = xid.last_ms;
    news.xid = xid.xid;
    news.count = more;
    if (xid.gpu_instance) {
      news.gpu_instance = xid.gpu_instance->value;
    }
    if (xid.compute_instance) {
      news.compute_instance = xid.compute_instance->value;
    }
    news.message = fmt::format("{}: Xid {}{}",
                               where_text(gpu, xid),
                               xid.xid,
                               more > 1 ? ", " + base::counted(more, "time") : "");
    add_owner(news, gpu, xid);
    news.others_see = true;
    found_.push_back(std::move(news));
  }
}

void SampleNews::add_owner(wire::EventNews& news, const GpuSample& gpu, const XidCount& xid) const {
  if (!xid.gpu_instance) {
    return;  // of the board: everybody's
  }
  ComputeUses uses;
  if (const GpuInstanceSample* instance = instance_of(gpu, *xid.gpu_instance)) {
    news.instance = instance->profile;
    for (const ComputeInstanceSample& compute : instance->compute_instances) {
      uses[compute.id.value] = compute.uses;
    }
  }
  const auto none = [](const ComputeUses& all) {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one.second.empty(); });
  };
  if (none(uses)) {
    const auto before = uses_.find({gpu.uuid, xid.gpu_instance->value});
    uses = before == uses_.end() ? ComputeUses() : before->second;
  }
  Uses concerned;
  for (const auto& [compute, of_compute] : uses) {
    if (!xid.compute_instance || xid.compute_instance->value == compute) {
      concerned.insert(concerned.end(), of_compute.begin(), of_compute.end());
    }
  }
  put_owner(news, concerned);
}

void SampleNews::look_at_drift(const GpuSample& gpu) {
  Raised what{about(gpu, "drift"), {}};
  what.news.message = fmt::format(
      "GPU {}: the layout is not the one that the last change by migctl left", gpu.index.value);
  what.over = fmt::format("GPU {}: the layout is the recorded one again", gpu.index.value);
  judge("drift/" + gpu.uuid, gpu.drift, std::move(what));
}

void SampleNews::look_at_memory(const GpuSample& gpu) {
  Raised what{about(gpu, "alert"), {}};
  what.news.alert = "row_remap";
  what.news.message =
      fmt::format("GPU {}: a row of its memory could not be remapped; have the board replaced",
                  gpu.index.value);
  what.over = fmt::format("GPU {}: no row of its memory waits any more", gpu.index.value);
  judge("row_remap/" + gpu.uuid, gpu.remap_failed, std::move(what));
}

void SampleNews::look_at_idle(const GpuSample& gpu, std::int64_t now_ms) {
  const std::string prefix = "idle/" + gpu.uuid + "/";
  std::set<std::string> there;
  for (const GpuInstanceSample& instance : gpu.instances) {
    const Uses uses = uses_of(instance);
    Raised what{about(gpu, "alert"), {}};
    put_owner(what.news, uses);
    std::int64_t since = instance.idle_since_ms.value_or(now_ms);
    for (const InstanceUse& use : uses) {
      since = std::max(since, use.since_ms);
    }
    what.news.alert = "held_idle";
    what.news.gpu_instance = instance.id.value;
    what.news.instance = instance.profile;
    what.news.others_see = true;
    what.news.message = fmt::format("GPU {} gi={}: leased, and idle for {}",
                                    gpu.index.value,
                                    instance.id.value,
                                    base::span_text(now_ms - since));
    what.over = fmt::format(
        "GPU {} gi={}: not leased and idle any more", gpu.index.value, instance.id.value);
    const std::string key = prefix + std::to_string(instance.generation);
    there.insert(key);
    judge(key, !uses.empty() && now_ms - since >= kIdleMs, std::move(what));
  }
  std::vector<std::string> gone;
  for (auto one = raised_.lower_bound(prefix);
       one != raised_.end() && one->first.starts_with(prefix);
       ++one) {
    if (!there.contains(one->first)) {
      gone.push_back(one->first);
    }
  }
  for (const std::string& key : gone) {
    end(key, raised_.at(key).over);
  }
}

void SampleNews::look_at_collectors(const MachineSample& sample) {
  for (const CollectorHealth& collector : sample.collectors) {
    unsigned& failures = failures_[collector.name];
    failures = collector.success ? 0 : std::min(failures + 1, kFailures);
    Raised what;
    what.news.type = "alert";
    what.news.alert = "collector/" + collector.name;
    what.news.message =
        fmt::format("the sampler's part {} fails: {}", collector.name, collector.error);
    what.over = fmt::format("the sampler's part {} works again", collector.name);
    std::optional<bool> holds;
    if (failures == kFailures || failures == 0) {
      holds = failures == kFailures;
    }
    judge("collector/" + collector.name, holds, std::move(what));
  }
}

void SampleNews::remember(const GpuSample& gpu) {
  const Place first(gpu.uuid, 0);
  const Place last(gpu.uuid, UINT32_MAX);
  uses_.erase(uses_.lower_bound(first), uses_.upper_bound(last));
  for (const GpuInstanceSample& instance : gpu.instances) {
    for (const ComputeInstanceSample& compute : instance.compute_instances) {
      if (!compute.uses.empty()) {
        uses_[{gpu.uuid, instance.id.value}][compute.id.value] = compute.uses;
      }
    }
  }
}

void SampleNews::judge(const std::string& key, std::optional<bool> holds, Raised what) {
  const auto before = raised_.find(key);
  if (!holds || *holds == (before != raised_.end())) {
    return;
  }
  if (!*holds) {
    return end(key, what.over);
  }
  wire::EventNews news = what.news;
  news.action = "raised";
  news.time_ms = now_ms_;
  found_.push_back(std::move(news));
  raised_.emplace(key, std::move(what));
}

// The end is told to whom the begin was told: it has the owner of then.
void SampleNews::end(const std::string& key, const std::string& message) {
  const auto before = raised_.find(key);
  wire::EventNews news = std::move(before->second.news);
  raised_.erase(before);
  news.action = "cleared";
  news.message = message;
  news.time_ms = now_ms_;
  found_.push_back(std::move(news));
}

}  // namespace mig::daemon
