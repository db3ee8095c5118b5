// SPDX-License-Identifier: Apache-2.0
#include "daemon/news.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::daemon {
namespace {

// "3g.20gb at 4 (GI 2)", "3g.20gb (GI 2, CI 0, MIG-...)": a recreated instance is another one.
std::set<std::string> instances_of(const Gpu& gpu) {
  std::set<std::string> all;
  for (const GpuInstance& instance : gpu.instances) {
    all.insert(fmt::format(
        "{} at {} (GI {})", instance.name.str(), instance.placement.start, instance.id.value));
    for (const ComputeInstance& compute : instance.compute_instances) {
      all.insert(fmt::format("{} (GI {}, CI {}, {})",
                             compute.name.str(),
                             instance.id.value,
                             compute.id.value,
                             compute.uuid.empty() ? "no UUID" : compute.uuid));
    }
  }
  return all;
}

std::string difference(const std::set<std::string>& from, const std::set<std::string>& in) {
  std::vector<std::string> missing;
  std::set_difference(in.begin(), in.end(), from.begin(), from.end(), std::back_inserter(missing));
  constexpr std::size_t kShown = 8;
  const std::size_t all = missing.size();
  if (all > kShown) {
    missing.resize(kShown);
    missing.push_back(fmt::format("{} more", all - kShown));
  }
  return base::join(missing, ", ");
}

std::string described(const Gpu* before, const Gpu* after) {
  static const Gpu kNone;
  const auto was = instances_of(before == nullptr ? kNone : *before);
  const auto is = instances_of(after == nullptr ? kNone : *after);
  std::vector<std::string> parts;
  if (after == nullptr) {
    parts.emplace_back("gone");
  } else if (before == nullptr) {
    parts.emplace_back("found");
  } else if (before->mig_current != after->mig_current ||
             before->mig_pending != after->mig_pending) {
    parts.emplace_back("MIG mode changed");
  }
  if (const std::string made = difference(was, is); !made.empty()) {
    parts.push_back("new: " + made);
  }
  if (const std::string gone = difference(is, was); !gone.empty()) {
    parts.push_back("gone: " + gone);
  }
  return parts.empty() ? std::string("instances made again") : base::join(parts, "; ");
}

const Gpu* find_gpu(const Inventory& machine, const std::string& uuid) {
  const auto found = std::find_if(
      machine.gpus.begin(), machine.gpus.end(), [&](const Gpu& gpu) { return gpu.uuid == uuid; });
  return found == machine.gpus.end() ? nullptr : &*found;
}

bool same(const Gpu* before, const Gpu* after) {
  if (before == nullptr || after == nullptr) {
    return before == after;
  }
  return before->mig_current == after->mig_current && before->mig_pending == after->mig_pending &&
         instances_of(*before) == instances_of(*after);
}

bool is_end(const std::string& action) {
  static const std::set<std::string> kEnds{
      "released", "given back", "expired", "holder ended", "preempted"};
  return kEnds.contains(action);
}

wire::EventNews lease_news(const lease::Event& event) {
  wire::EventNews news;
  news.type = "lease";
  news.action = event.action;
  news.time_ms = event.at_ms;
  news.lease = event.lease;
  news.tenant = event.tenant;
  news.uid = event.uid;
  news.instance = event.instance;
  news.job = event.job;
  news.message = fmt::format("lease {}: {}, {}", event.lease, event.action, event.instance);
  return news;
}

}  // namespace

std::vector<wire::EventNews> layout_news(const Inventory& before,
                                         const Inventory& after,
                                         const std::string& cause) {
  std::vector<wire::EventNews> all;
  const auto add = [&](const Gpu* was, const Gpu* is) {
    const Gpu& named = is == nullptr ? *was : *is;
    wire::EventNews news;
    news.type = "layout";
    news.action = cause;
    news.gpu = named.index.value;
    news.gpu_uuid = named.uuid;
    news.message = fmt::format("GPU {}: {}", named.index.value, described(was, is));
    all.push_back(std::move(news));
  };
  for (const Gpu& gpu : after.gpus) {
    if (const Gpu* was = find_gpu(before, gpu.uuid); !same(was, &gpu)) {
      add(was, &gpu);
    }
  }
  for (const Gpu& gpu : before.gpus) {
    if (find_gpu(after, gpu.uuid) == nullptr) {
      add(&gpu, nullptr);
    }
  }
  return all;
}

// Newest first.
Result<std::vector<lease::Event>> NewsDesk::newer_than(std::int64_t id) const {
  std::vector<lease::Event> all;
  lease::EventFilter filter;
  filter.limit = id == 0 ? 1 : 100;
  for (bool more = true; more && all.size() < Events::kKept;) {
    MIG_ASSIGN_OR_RETURN(const lease::History page, desk_.history(filter, service::Peer()));
    more = page.next.has_value() && id != 0;
    for (const lease::Event& event : page.events) {
      more = more && event.id > id;
      if (event.id > id) {
        all.push_back(event);
      }
    }
    filter.before = page.next;
  }
  return all;
}

void NewsDesk::start() {
  if (const auto newest = newer_than(0); newest && !newest->empty()) {
    last_ = newest->front().id;
  }
}

void NewsDesk::look() {
  look_at_leases();
  look_at_health();
}

void NewsDesk::look_at_leases() {
  auto fresh = last_ == 0 ? newer_than(0) : newer_than(last_);
  if (!fresh || fresh->empty()) {
    return;  // a store that cannot be read is told by the desk's own pass
  }
  last_ = fresh->front().id;
  std::reverse(fresh->begin(), fresh->end());
  for (const lease::Event& event : *fresh) {
    events_.publish(lease_news(event));
    if (event.job.empty() || (event.action != "granted" && !is_end(event.action))) {
      continue;
    }
    wire::EventNews job = lease_news(event);
    job.type = "job";
    job.action = event.action == "granted" ? "started" : "ended";
    job.message = fmt::format("job {} {}: {}", base::quoted(event.job), job.action, event.action);
    events_.publish(std::move(job));
  }
}

void NewsDesk::look_at_health() {
  for (const auto& part : health_.parts()) {
    std::string& before = trouble_[part.name];
    if (part.trouble.empty() != before.empty()) {
      wire::EventNews news;
      news.type = "alert";
      news.alert = "part/" + part.name;
      news.action = before.empty() ? "raised" : "cleared";
      news.message =
          part.name + ": " + (before.empty() ? part.trouble : std::string("works again"));
      events_.publish(std::move(news));
    }
    before = part.trouble;
  }
}

}  // namespace mig::daemon
