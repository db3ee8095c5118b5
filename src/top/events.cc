// SPDX-License-Identifier: Apache-2.0
#include "top/events.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::top {
namespace {

class Differences {
 public:
  explicit Differences(std::int64_t time_ms) : time_ms_(time_ms) {}

  void gpus(const MachineSample& before, const MachineSample& after);

  void add(std::string text, bool bad = false) { out_.push_back({time_ms_, std::move(text), bad}); }

  std::vector<Event> take() { return std::move(out_); }

 private:
  void gpu(const GpuSample& before, const GpuSample& after);
  void uses(const std::string& where,
            const GpuInstanceSample* before,
            const GpuInstanceSample& after);
  void xids(const std::string& where, const GpuSample& before, const GpuSample& after);

  std::int64_t time_ms_;
  std::vector<Event> out_;
};

const char* word_of(MigMode mode) {
  switch (mode) {
    case MigMode::kEnabled:
      return "on";
    case MigMode::kDisabled:
      return "off";
    case MigMode::kUnsupported:
      return "not supported";
  }
  return "not supported";
}

bool same_instance(const GpuInstanceSample& a, const GpuInstanceSample& b) {
  return a.id == b.id && a.generation == b.generation && a.profile == b.profile &&
         a.placement == b.placement;
}

const GpuInstanceSample* find(const GpuSample& gpu, const GpuInstanceSample& wanted) {
  const auto found = std::find_if(gpu.instances.begin(), gpu.instances.end(), [&](const auto& one) {
    return same_instance(one, wanted);
  });
  return found == gpu.instances.end() ? nullptr : &*found;
}

std::string text_of(const std::string& where, const GpuInstanceSample& instance) {
  return fmt::format("{} gi={} ({})", where, instance.id.value, instance.profile);
}

std::vector<std::pair<std::int64_t, std::string>> lease_words(const GpuInstanceSample* instance) {
  std::vector<std::pair<std::int64_t, std::string>> out;
  if (instance != nullptr) {
    for (const ComputeInstanceSample& compute : instance->compute_instances) {
      for (const InstanceUse& use : compute.uses) {
        out.emplace_back(use.lease, use.tenant + (use.job.empty() ? "" : " (" + use.job + ")"));
      }
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void Differences::uses(const std::string& where,
                       const GpuInstanceSample* before,
                       const GpuInstanceSample& after) {
  const auto was = lease_words(before);
  const auto is = lease_words(&after);
  std::vector<std::pair<std::int64_t, std::string>> come;
  std::vector<std::pair<std::int64_t, std::string>> gone;
  std::set_difference(is.begin(), is.end(), was.begin(), was.end(), std::back_inserter(come));
  std::set_difference(was.begin(), was.end(), is.begin(), is.end(), std::back_inserter(gone));
  for (const auto& [lease, who] : gone) {
    add(fmt::format("{}: lease {} of {} ended", text_of(where, after), lease, who));
  }
  for (const auto& [lease, who] : come) {
    add(fmt::format("{}: lease {} granted to {}", text_of(where, after), lease, who));
  }
}

void Differences::xids(const std::string& where, const GpuSample& before, const GpuSample& after) {
  for (const XidCount& now : after.xids) {
    const auto was = std::find_if(before.xids.begin(), before.xids.end(), [&](const XidCount& one) {
      return one.xid == now.xid && one.gpu_instance == now.gpu_instance &&
             one.compute_instance == now.compute_instance;
    });
    if ((was == before.xids.end() ? 0 : was->count) < now.count) {
      add(fmt::format("{}{}: Xid {}, {} in all",
                      where,
                      now.gpu_instance ? fmt::format(" gi={}", now.gpu_instance->value) : "",
                      now.xid,
                      now.count),
          true);
    }
  }
}

void Differences::gpu(const GpuSample& before, const GpuSample& after) {
  const std::string where = fmt::format("GPU {}", after.index.value);
  if (before.mig_current != after.mig_current) {
    add(fmt::format("{}: MIG is {}", where, word_of(after.mig_current)));
  }
  if (before.mig_pending != after.mig_pending && after.mig_pending != after.mig_current) {
    add(fmt::format("{}: MIG will be {} after a reset", where, word_of(after.mig_pending)));
  }
  for (const GpuInstanceSample& instance : before.instances) {
    if (find(after, instance) == nullptr) {
      add(fmt::format("{} at {}:{} is gone",
                      text_of(where, instance),
                      instance.placement.start,
                      instance.placement.size));
    }
  }
  for (const GpuInstanceSample& instance : after.instances) {
    const GpuInstanceSample* was = find(before, instance);
    if (was == nullptr) {
      add(fmt::format("{} at {}:{} is new",
                      text_of(where, instance),
                      instance.placement.start,
                      instance.placement.size));
    }
    uses(where, was, instance);
  }
  xids(where, before, after);
  if (before.drift != after.drift && after.drift.has_value()) {
    add(*after.drift ? where + ": its layout is no longer the one that was applied last"
                     : where + ": its layout is the one that was applied last",
        *after.drift);
  }
}

void Differences::gpus(const MachineSample& before, const MachineSample& after) {
  for (const GpuSample& gone : before.gpus) {
    if (std::none_of(after.gpus.begin(), after.gpus.end(), [&](const GpuSample& one) {
          return one.uuid == gone.uuid;
        })) {
      add(fmt::format("GPU {} ({}) is no longer there", gone.index.value, gone.uuid), true);
    }
  }
  for (const GpuSample& now : after.gpus) {
    const auto was = std::find_if(before.gpus.begin(),
                                  before.gpus.end(),
                                  [&](const GpuSample& one) { return one.uuid == now.uuid; });
    if (was == before.gpus.end()) {
      add(fmt::format("GPU {} ({}) is there", now.index.value, now.uuid));
    } else {
      gpu(*was, now);
    }
  }
}

}  // namespace

std::vector<Event> events_between(const MachineSample& before, const MachineSample& after) {
  Differences differences(after.time_ms);
  if (before.withdrawn != after.withdrawn) {
    if (after.withdrawn.empty()) {
      differences.add("readings are back");
    } else {
      differences.add("readings withdrawn: " + after.withdrawn, true);
    }
  }
  if (before.withdrawn.empty() && after.withdrawn.empty()) {
    differences.gpus(before, after);
  }
  return differences.take();
}

void EventLog::add(std::vector<Event> events) {
  for (Event& event : events) {
    events_.push_back(std::move(event));
    if (events_.size() > kMost) {
      events_.pop_front();
    }
  }
}

void EventLog::note(const MachineSample& sample) {
  if (seen_) {
    add(events_between(last_, sample));
    if (!last_.withdrawn.empty() && sample.withdrawn.empty() && read_) {
      add(events_between(last_read_, sample));
    }
  }
  last_ = sample;
  seen_ = true;
  if (sample.withdrawn.empty()) {
    last_read_ = sample;
    read_ = true;
  }
}

}  // namespace mig::top
