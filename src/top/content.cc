// SPDX-License-Identifier: Apache-2.0
#include "top/content.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/units.h"

namespace mig::top {
namespace {

constexpr std::size_t kMostTenants = 4096;

}  // namespace

std::vector<InstanceUse> uses_of(const GpuInstanceSample& instance) {
  std::vector<InstanceUse> out;
  for (const ComputeInstanceSample& compute : instance.compute_instances) {
    for (const InstanceUse& use : compute.uses) {
      if (std::none_of(out.begin(), out.end(), [&](const InstanceUse& one) {
            return one.lease == use.lease;
          })) {
        out.push_back(use);
      }
    }
  }
  return out;
}

GpuLayout layout_of(const GpuSample& gpu) {
  GpuLayout layout;
  layout.mode = gpu.mig_current;
  layout.memory_slices = gpu.memory_slices;
  for (const GpuInstanceSample& instance : gpu.instances) {
    const auto name = ProfileName::parse(instance.profile);
    const bool busy =
        std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const ProcessSample& process) {
          return process.gpu_instance == instance.id;
        });
    layout.cells.push_back({name ? *name : ProfileName{}, instance.placement, busy});
  }
  std::stable_sort(
      layout.cells.begin(), layout.cells.end(), [](const LayoutCell& a, const LayoutCell& b) {
        return a.placement < b.placement;
      });
  return layout;
}

void Content::note(MachineSample next, std::int64_t at_ms) {
  history.note(next);
  events.note(next);
  sample = std::move(next);
  received_ms = at_ms;
  now_ms = at_ms;
  trouble.clear();
  std::set<std::uint32_t> pids;
  for (const GpuSample& gpu : sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      pids.insert(process.pid);
    }
    for (const GpuInstanceSample& instance : gpu.instances) {
      for (const InstanceUse& use : uses_of(instance)) {
        if (tenants.size() < kMostTenants && !tenants.contains(use.tenant)) {
          const auto next_color =
              static_cast<std::size_t>(Color::kTenant0) + tenants.size() % kTenantColors;
          tenants.emplace(use.tenant, static_cast<Color>(next_color));
        }
      }
    }
  }
  std::erase_if(processes, [&](const auto& entry) { return !pids.contains(entry.first); });
}

void Content::tick(std::int64_t at_ms) {
  now_ms = at_ms;
  constexpr double kIntervals = 3;
  constexpr double kMsPerSecond = 1000;
  // The first tick's interval is not known: 10 s is the longest usual one.
  constexpr double kLongest = 10;
  const double interval = sample.interval_seconds > 0 ? sample.interval_seconds : kLongest;
  const double allowed = kIntervals * std::max(interval, 1.0) * kMsPerSecond;
  if (received_ms == 0 || static_cast<double>(at_ms - received_ms) <= allowed ||
      !sample.withdrawn.empty()) {
    return;
  }
  MachineSample none = sample;
  none.gpus.clear();
  none.time_ms = at_ms;
  none.withdrawn = fmt::format("no reading for {}{}",
                               base::span_text(at_ms - received_ms),
                               trouble.empty() ? "" : ": " + trouble);
  events.note(none);
  sample = std::move(none);
  processes.clear();
}

ProcessId Content::id_of(const ProcessSample& process) const {
  const auto facts = processes.find(process.pid);
  return {process.pid, facts == processes.end() ? 0 : facts->second.start_ticks};
}

std::string Content::user_of(const ProcessSample& process) const {
  if (!process.uid) {
    return "?";
  }
  const auto name = users.find(*process.uid);
  return name == users.end() ? fmt::format("{}", *process.uid) : name->second;
}

Color Content::color_of(const std::string& tenant) const {
  const auto found = tenants.find(tenant);
  return found == tenants.end() ? Color::kPlain : found->second;
}

bool Content::leases_in_use() const {
  return !tenants.empty() &&
         std::any_of(sample.gpus.begin(), sample.gpus.end(), [](const GpuSample& gpu) {
           return std::any_of(gpu.instances.begin(),
                              gpu.instances.end(),
                              [](const GpuInstanceSample& one) { return !uses_of(one).empty(); });
         });
}

}  // namespace mig::top
