// SPDX-License-Identifier: Apache-2.0
// An Instance: a MIG device, that is, a compute instance with its location and size; and a Need:
// criteria for instances. Used by leases, jobs, containers and schedulers alike. Plain values.
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
  std::string uuid;     // "MIG-..."; "" = not created yet
  ProfileName profile;  // of the compute instance
  GpuIndex gpu;
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  std::string gpu_uuid;
  std::optional<std::uint32_t> gpu_minor = {};  // minor of the GPU's device node
  std::uint64_t memory_mib = 0;                 // of its GPU instance
  std::optional<std::uint32_t> sm = {};         // nullopt = not reported by the driver
  std::uint32_t slices = 0;                     // compute slices
  std::uint32_t nvml_profile = 0;               // of an existing instance; not stored in records

  std::string str() const;  // The instance for messages: "3g.20gb on GPU 0 gi=2 ci=0"
  friend bool operator==(const Instance&, const Instance&) = default;
};

// Criteria for an instance; all that are set must hold; none set: any instance.
struct Need {
  std::optional<ProfileName> profile;           // of the compute instance
  std::optional<std::uint64_t> min_memory_mib;  // at least
  std::optional<std::uint32_t> min_sm;          // at least
  std::string uuid;                             // "MIG-..."; also the resolved instance of a slot
  std::string slot;                             // slot as requested, for messages
  std::string gpu_uuid;                         // on this GPU only; "" = any
  std::optional<GpuIndex> gpu;                  // used where `gpu_uuid` is unknown
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;

  std::string str() const;  // for messages: "2g.10gb on GPU 0"
  friend bool operator==(const Need&, const Need&) = default;
};

// Encoding of a Need for records, one criterion per line, and back. Unknown criteria are skipped.
std::string need_text(const Need& need);
Need need_of_text(const std::string& text);

// True when the instance satisfies the need. Unknown SMs satisfy no minimum.
bool serves(const Instance& instance, const Need& need);

// Order in which instances are offered (best fit): smallest memory, then SMs, GPU and ids.
bool smaller(const Instance& a, const Instance& b);

// Converts a compute instance to an Instance.
Instance instance_of(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// Every compute instance that a program can select: on GPUs with MIG on, with a UUID.
std::vector<Instance> instances_of(const Inventory& inventory);

// The process for messages: "pid 41 (python)"; without the name where it is not readable.
std::string name_of(const Process& process);

// Processes and leases on an instance, by the driver's lists and the leases in `gpu`, in words:
// "pid 41 (python), pid 42"; "" = none. `compute` nullopt: on any compute instance of the GPU
// instance.
std::string who_is_on(const Gpu& gpu,
                      GpuInstanceId instance,
                      std::optional<ComputeInstanceId> compute = std::nullopt);

}  // namespace mig

#endif  // MIGCTL_MODEL_INSTANCE_H_
