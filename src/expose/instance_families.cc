// SPDX-License-Identifier: Apache-2.0
// Families of GPU instances, compute instances and the leases on them. Value series have the ids
// as labels and no more; what changes its text (profile, tenant, job) stands in info families, to
// be joined: a new job does not fork the series of its instance.
#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "expose/parts.h"

namespace mig::expose {
namespace {

// Most leases of one instance that are told.
constexpr std::size_t kMostUses = 64;

Labels instance_labels(const GpuSample& gpu, GpuInstanceId id) {
  return Labels().add("gpu_uuid", gpu.uuid).add("gi", id.value);
}

// Adds families of one GPU instance.
class InstanceWriter {
 public:
  InstanceWriter(Families& out,
                 const GpuSample& gpu,
                 const GpuInstanceSample& instance,
                 const LabelMaker& labels,
                 bool jobs)
      : out_(out),
        gpu_(gpu),
        instance_(instance),
        labels_(labels),
        jobs_(jobs),
        own_(labels.ended(instance_labels(gpu, instance.id))) {}

  void add() {
    add_info();
    add_memory();
    add_energy();
    add_idle();
    add_activity(out_, ActivityOf::kInstance, own_, instance_.activity);
    out_.add("mig_instance_activity_source",
             Type::kGauge,
             "Where the instance's activity is from: gpm, dcgm, or unknown with the reason.",
             labels_.ended(base()
                               .add("source", mig::name_of(instance_.source))
                               .add("reason", instance_.activity_reason)),
             1);
    out_.add("mig_instance_activity_interval_seconds",
             Type::kGauge,
             "Interval that the instance's activity is an average over.",
             own_,
             instance_.activity_seconds);
    out_.add("mig_instance_activity_age_seconds",
             Type::kGauge,
             "How long ago that interval ended: more than 0 where a driver is too slow to be asked "
             "about every instance in every tick.",
             own_,
             instance_.activity_age_seconds);
    for (const ComputeInstanceSample& compute : instance_.compute_instances) {
      add_compute(compute);
    }
    out_.add("mig_instance_compute_instances",
             Type::kGauge,
             "Compute instances of the GPU instance; without one nothing can run on it.",
             own_,
             static_cast<double>(instance_.compute_instances.size()));
  }

 private:
  Labels base() const { return instance_labels(gpu_, instance_.id); }

  void add_info() {
    out_.add("mig_instance_info",
             Type::kInfo,
             "A GPU instance. Its generation tells it from an earlier one of the same UUID.",
             labels_.ended(
                 base()
                     .add("gpu", gpu_.index.value)
                     .add("profile", instance_.profile)
                     .add("placement",
                          fmt::format("{}:{}", instance_.placement.start, instance_.placement.size))
                     .add("generation", instance_.generation)),
             1);
    out_.add("mig_instance_multiprocessors",
             Type::kGauge,
             "SMs of the GPU instance.",
             own_,
             instance_.sm == 0 ? std::nullopt : std::optional(static_cast<double>(instance_.sm)));
    out_.add("mig_instance_placement_start",
             Type::kGauge,
             "First memory slice of the instance.",
             own_,
             instance_.placement.start);
    out_.add("mig_instance_placement_size",
             Type::kGauge,
             "Memory slices of the instance.",
             own_,
             instance_.placement.size);
  }

  // Once for each GPU instance: its compute instances share the memory, and would be counted twice.
  void add_memory() {
    out_.add("mig_instance_memory_total_bytes",
             Type::kGauge,
             "Memory of the GPU instance.",
             own_,
             number(instance_.memory_total_bytes));
    out_.add("mig_instance_memory_used_bytes",
             Type::kGauge,
             "Memory of the GPU instance in use.",
             own_,
             number(instance_.memory_used_bytes));
  }

  void add_energy() {
    if (instance_.energy_mj) {
      Labels own = base();
      if (gpu_.energy_method) {
        own.add("method", *gpu_.energy_method);
      }
      out_.add("mig_instance_energy_joules_total",
               Type::kCounter,
               "Energy that the instance is charged with: no meter of its own exists, so the "
               "board's counter is divided by this method.",
               labels_.ended(own),
               joules(instance_.energy_mj));
    }
    out_.add("mig_instance_power_watts",
             Type::kGauge,
             "Its part of the board's power now, divided likewise.",
             own_,
             instance_.power_watts);
  }

  void add_idle() {
    const auto uses = std::any_of(instance_.compute_instances.begin(),
                                  instance_.compute_instances.end(),
                                  [](const ComputeInstanceSample& c) { return !c.uses.empty(); });
    out_.add("mig_instance_leased",
             Type::kGauge,
             "1: somebody has a lease on the instance.",
             own_,
             uses ? 1 : 0);
    out_.add(
        "mig_instance_idle_since_timestamp_seconds",
        Type::kGauge,
        "Unix time since when its SM activity is below 2 %; absent while it is above.",
        own_,
        instance_.idle_since_ms ? std::optional(seconds(*instance_.idle_since_ms)) : std::nullopt);
  }

  void add_compute(const ComputeInstanceSample& compute) {
    const Labels own = labels_.ended(base().add("ci", compute.id.value));
    out_.add("mig_compute_instance_info",
             Type::kInfo,
             "A compute instance, which is a MIG device.",
             labels_.ended(base()
                               .add("ci", compute.id.value)
                               .add("mig_uuid", compute.uuid)
                               .add("profile", compute.profile)),
             1);
    out_.add("mig_compute_instance_multiprocessors",
             Type::kGauge,
             "SMs of the compute instance.",
             own,
             number(compute.sm));
    if (compute.activity) {
      add_activity(out_, ActivityOf::kComputeInstance, own, *compute.activity);
    }
    add_uses(compute);
    std::uint64_t processes = 0;
    std::uint64_t unleased = 0;
    for (const ProcessSample& process : gpu_.processes) {
      if (process.gpu_instance == instance_.id && process.compute_instance == compute.id) {
        ++processes;
        unleased += process.lease ? 0 : 1;
      }
    }
    out_.add("mig_instance_processes",
             Type::kGauge,
             "Processes on the compute instance.",
             own,
             static_cast<double>(processes));
    out_.add("mig_instance_unleased_processes",
             Type::kGauge,
             "Those of them whose user has no lease on it.",
             own,
             static_cast<double>(unleased));
  }

  void add_uses(const ComputeInstanceSample& compute) {
    std::size_t uses = 0;
    for (const InstanceUse& use : compute.uses) {
      if (++uses > kMostUses) {
        return;
      }
      Labels own = base();
      own.add("ci", compute.id.value).add("lease", static_cast<std::uint64_t>(use.lease));
      const Labels ids = labels_.ended(own);
      own.add("tenant", use.tenant);
      if (jobs_) {
        own.add("job", use.job).add("uid", use.uid);
      }
      out_.add("mig_lease_info",
               Type::kInfo,
               "A lease on a compute instance: whose, and for which job.",
               labels_.ended(own),
               1);
      out_.add("mig_lease_start_timestamp_seconds",
               Type::kGauge,
               "Unix time of the lease's grant.",
               ids,
               seconds(use.since_ms));
    }
  }

  Families& out_;
  const GpuSample& gpu_;
  const GpuInstanceSample& instance_;
  const LabelMaker& labels_;
  bool jobs_;
  Labels own_;
};

}  // namespace

void add_instances(Families& out, const MachineSample& sample, bool jobs) {
  const LabelMaker labels(sample.simulated);
  for (const GpuSample& gpu : sample.gpus) {
    for (const GpuInstanceSample& instance : gpu.instances) {
      InstanceWriter(out, gpu, instance, labels, jobs).add();
    }
  }
}

}  // namespace mig::expose
