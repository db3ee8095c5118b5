// SPDX-License-Identifier: Apache-2.0
#include "service/free_report.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "service/lease_desk.h"

namespace mig::service {
namespace {

std::string holder_text(const lease::Lease& lease) {
  const std::string job = lease.holder.is_external() ? "external: " + lease.job : lease.job;
  return fmt::format(
      "lease {} of {}{}", lease.id, lease.tenant, job.empty() ? "" : " (" + job + ")");
}

void add_lease(InstanceState& state, const lease::Lease& lease, const Tenant& viewer) {
  const bool yours = lease.tenant == viewer.name;
  state.yours = state.yours || yours;
  state.shared = std::max(state.shared, lease.shared);
  ++state.leases;
  if (lease.left_ms && (!state.ends_in_ms || *lease.left_ms < *state.ends_in_ms)) {
    state.ends_in_ms = lease.left_ms;
  }
  if (yours || viewer.role >= Role::kOperator) {
    state.holders.push_back(holder_text(lease));
  }
}

InstanceState state_of(const Inventory& now,
                       Instance instance,
                       const std::vector<lease::Lease>& leases,
                       const Tenant& viewer) {
  InstanceState state;
  bool ending = false;
  for (const lease::Lease& lease : leases) {
    if (lease.instance.uuid == instance.uuid) {
      add_lease(state, lease, viewer);
      ending = ending || !lease.ending.empty();
    }
  }
  if (state.leases > 0) {
    state.state = ending                        ? Occupancy::kEnding
                  : state.leases < state.shared ? Occupancy::kShared
                                                : Occupancy::kLeased;
  } else if (const std::string who = who_is_on(
                 *now.find_gpu(instance.gpu), instance.gpu_instance, instance.compute_instance);
             !who.empty()) {
    state.state = Occupancy::kInUse;
    if (viewer.role >= Role::kOperator) {
      state.holders.push_back(who);
    }
  }
  state.instance = std::move(instance);
  return state;
}

// The driver tells for each profile alone how many more fit.
std::vector<Makeable> makeable_on(const Inventory& now) {
  std::map<std::string, Makeable> by_name;
  for (const Gpu& gpu : now.gpus) {
    if (gpu.mig_current != MigMode::kEnabled) {
      continue;
    }
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      Makeable& one = by_name[profile.name.str()];
      one.profile = profile.name;
      one.count += profile.remaining.value_or(0);
      one.sm = profile.sm;
      one.slices = profile.slices;
      one.memory_mib = profile.memory_mib;
    }
  }
  std::vector<Makeable> out;
  out.reserve(by_name.size());
  for (const auto& [name, one] : by_name) {
    out.push_back(one);
  }
  std::stable_sort(out.begin(), out.end(), [](const Makeable& a, const Makeable& b) {
    return std::pair(a.memory_mib, a.sm) < std::pair(b.memory_mib, b.sm);
  });
  return out;
}

}  // namespace

FreeReport free_report(const Inventory& now,
                       const std::vector<lease::Lease>& leases,
                       const std::vector<lease::QueueEntry>& queue,
                       const Tenant& viewer) {
  FreeReport report;
  for (Instance& instance : instances_of(now)) {
    report.instances.push_back(state_of(now, std::move(instance), leases, viewer));
  }
  report.makeable = makeable_on(now);
  report.may_create = viewer.may_create;
  report.leases = leases.size();
  report.your_leases = static_cast<std::uint64_t>(
      std::count_if(leases.begin(), leases.end(), [&](const lease::Lease& lease) {
        return lease.tenant == viewer.name;
      }));
  for (const lease::QueueEntry& entry : queue) {
    report.waiting.push_back(
        {entry.need, entry.count, entry.tenant == viewer.name, entry.forecast_ms});
  }
  return report;
}

Result<FreeReport> LeaseDesk::free(const Peer& peer, const std::vector<lease::QueueEntry>& queue) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(now));
  return free_report(*now, leases, queue, tenant_of(peer));
}

Result<LeaseDesk::Totals> LeaseDesk::totals() {
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Load load, leases_.load());
  return Totals{leases.size(), load.waiting, leases_.tenants().tenants.size()};
}

}  // namespace mig::service
