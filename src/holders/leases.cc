// SPDX-License-Identifier: Apache-2.0
#include "holders/leases.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/clock.h"
#include "holders/lease_life.h"
#include "store/leases.h"

namespace mig::holders {
namespace {

struct Held {
  const Gpu* gpu = nullptr;
  const GpuInstance* instance = nullptr;
  const ComputeInstance* compute = nullptr;
};

Held held_instance(const Inventory& inventory, const std::string& uuid) {
  for (const Gpu& gpu : inventory.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (compute.uuid == uuid) {
          return {&gpu, &instance, &compute};
        }
      }
    }
  }
  return {};
}

Holder lease_holder(const store::LeaseRow& lease, const Held& held) {
  Holder holder;
  holder.kind = Kind::kLease;
  // Only a job may be signalled; a shell that holds a lease must not be.
  if (lease.stoppable && lease.holder.kind == LeaseHolder::Kind::kProcess) {
    holder.pid = lease.holder.pid;
    holder.start_ticks = lease.holder.start_ticks;
  }
  holder.lease = InstanceLease{lease.id,
                               lease.tenant,
                               lease.job,
                               held.instance->id,
                               held.compute->id,
                               holder.pid,
                               holder.start_ticks,
                               lease.holder.is_external() ? lease.holder.unit : ""};
  holder.name = holder.lease->str();
  holder.uid = lease.uid;
  holder.gpu = held.gpu->index;
  holder.gpu_instance = held.instance->id;
  holder.compute_instance = held.compute->id;
  holder.stops = Stops::kDestroy;
  holder.evidence.emplace_back("lease store");
  return holder;
}

}  // namespace

Result<void> add_leases(const Inventory& inventory, const Roots& roots, Report& report) {
  // A lease that counts is of a compute instance.
  const bool none = std::all_of(inventory.gpus.begin(), inventory.gpus.end(), [](const Gpu& gpu) {
    return gpu.instances.empty();
  });
  if (none || roots.lease_store.empty() || ::access(roots.lease_store.c_str(), F_OK) != 0) {
    return {};
  }
  if (::access(roots.lease_store.c_str(), R_OK | W_OK) != 0) {
    ++report.unreadable_processes;
    return {};
  }
  MIG_ASSIGN_OR_RETURN(store::Leases store, store::Leases::open(roots.lease_store));
  MIG_ASSIGN_OR_RETURN(const std::vector<store::LeaseRow> leases, store.leases());
  const Moment now = read_moment(base::system_clock(), roots.proc);
  const LifeRoots life{roots.proc, "/sys/fs/cgroup"};
  for (const store::LeaseRow& lease : leases) {
    const Held held = held_instance(inventory, lease.instance.uuid);
    if (held.compute != nullptr && life_of(lease, now, life) == Life::kLive) {
      report.holders.push_back(lease_holder(lease, held));
    }
  }
  return {};
}

}  // namespace mig::holders
