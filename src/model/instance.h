// SPDX-License-Identifier: Apache-2.0
// One MIG device as the rest of the house names it: a compute instance with where it lies and what
// it is worth; and a Need, which says what instances serve somebody. Leases, jobs, containers and
// schedulers all mean these. Plain values.
//
//   mig::Need need;
//   need.profile = *ProfileName::parse("2g.10gb");
//   for (const Instance& one : instances_of(inventory)) if (serves(one, need)) ...
#ifndef MIGCTL_MODEL_INSTANCE_H_
#define MIGCTL_MODEL_INSTANCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/inventory.h"
#include "mig/profile.h"

namespace mig {

struct Instance {
  std::string uuid;     // "MIG-..."; "" = of one that is not made yet
  ProfileName profile;  // of the compute instance
  GpuIndex gpu;
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  std::string gpu_uuid;
  std::optional<std::uint32_t> gpu_minor = {};  // of the GPU's device node
  std::uint64_t memory_mib = 0;                 // of its GPU instance
  std::optional<std::uint32_t> sm = {};         // nullopt = the driver did not tell
  std::uint32_t slices = 0;                     // compute slices
  std::uint32_t nvml_profile = 0;  // of an instance that is there; records do not keep it

  std::string str() const;  // "3g.20gb on GPU 0 gi=2 ci=0"
  friend bool operator==(const Instance&, const Instance&) = default;
};

// Which instances serve. Every criterion that is set must hold; none set: any instance.
struct Need {
  std::optional<ProfileName> profile;           // of the compute instance
  std::optional<std::uint64_t> min_memory_mib;  // at least
  std::optional<std::uint32_t> min_sm;          // at least
  std::string uuid;                             // "MIG-..."; also what a slot's name means now
  std::string slot;                             // the name asked for, for messages
  std::string gpu_uuid;                         // on this GPU only; "" = any
  std::optional<GpuIndex> gpu;                  // decides where `gpu_uuid` is not known
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;

  std::string str() const;  // "2g.10gb on GPU 0", "an instance with at least 12 GiB"
  friend bool operator==(const Need&, const Need&) = default;
};

// A Need as one line of text a criterion, for records, and back. What it does not know it skips.
std::string need_text(const Need& need);
Need need_of_text(const std::string& text);

// An instance whose SMs are not known serves nobody who asks for some.
bool serves(const Instance& instance, const Need& need);

// Smallest memory first, then SMs, GPU and ids: the order in which instances are offered.
bool smaller(const Instance& a, const Instance& b);

// That compute instance as an Instance.
Instance instance_of(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// Every compute instance that a program can be pointed at: of GPUs with MIG on, with a UUID.
std::vector<Instance> instances_of(const Inventory& inventory);

// "pid 41 (python)"; without the name where it cannot be seen.
std::string name_of(const Process& process);

// Who is on it, by the driver's lists and the leases that `gpu` has, in words: "pid 41 (python),
// pid 42"; "" = nobody. `compute` nullopt: on any of the GPU instance.
std::string who_is_on(const Gpu& gpu,
                      GpuInstanceId instance,
                      std::optional<ComputeInstanceId> compute = std::nullopt);

}  // namespace mig

#endif  // MIGCTL_MODEL_INSTANCE_H_
