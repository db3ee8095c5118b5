// SPDX-License-Identifier: Apache-2.0
#include "observe/leases.h"

#include <algorithm>

namespace mig::observe {
namespace {

ComputeInstanceSample* find(GpuSample& gpu, GpuInstanceId instance, ComputeInstanceId compute) {
  for (GpuInstanceSample& one : gpu.instances) {
    if (one.id != instance) {
      continue;
    }
    const auto found =
        std::find_if(one.compute_instances.begin(),
                     one.compute_instances.end(),
                     [&](const ComputeInstanceSample& c) { return c.id == compute; });
    return found == one.compute_instances.end() ? nullptr : &*found;
  }
  return nullptr;
}

void add_lease(GpuSample& gpu, const lease::Lease& lease) {
  const Instance& instance = lease.instance;
  ComputeInstanceSample* compute = find(gpu, instance.gpu_instance, instance.compute_instance);
  if (compute == nullptr || compute->uuid != instance.uuid) {
    return;  // another instance has these ids by now
  }
  compute->uses.push_back({lease.id, lease.tenant, lease.job, lease.uid, lease.granted_ms});
  for (ProcessSample& process : gpu.processes) {
    if (process.uid == lease.uid && process.gpu_instance == instance.gpu_instance &&
        process.compute_instance == instance.compute_instance && !process.lease) {
      process.lease = lease.id;
    }
  }
}

}  // namespace

void add_leases(MachineSample& sample, const std::vector<lease::Lease>& leases) {
  for (const lease::Lease& lease : leases) {
    const auto gpu = std::find_if(sample.gpus.begin(), sample.gpus.end(), [&](const GpuSample& g) {
      return g.uuid == lease.instance.gpu_uuid;
    });
    if (gpu != sample.gpus.end() && !lease.vanished) {
      add_lease(*gpu, lease);
    }
  }
}

MachineSample seen_by(const MachineSample& sample, const std::string& tenant) {
  MachineSample out = sample;
  for (GpuSample& gpu : out.gpus) {
    std::erase_if(gpu.processes, [&](const ProcessSample& p) { return p.tenant != tenant; });
    for (GpuInstanceSample& instance : gpu.instances) {
      for (ComputeInstanceSample& compute : instance.compute_instances) {
        std::erase_if(compute.uses, [&](const InstanceUse& use) { return use.tenant != tenant; });
      }
    }
  }
  return out;
}

}  // namespace mig::observe
