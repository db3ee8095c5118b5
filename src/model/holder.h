// SPDX-License-Identifier: Apache-2.0
// Holders of a GPU or an instance, as values: processes, services, displays, kernel modules,
// leases, and the changes that each one blocks. holders/ finds them; wire/ encodes them. Plain
// values.
#ifndef MIGCTL_MODEL_HOLDER_H_
#define MIGCTL_MODEL_HOLDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/inventory.h"

namespace mig {

// Owner of a process, in the terms of its administrators. An empty string: not in one.
struct Owner {
  std::string unit;               // systemd: "jupyter.service"
  std::string container;          // the id, 64 hex digits
  std::string container_runtime;  // "docker", "podman", ...; "container" when unknown
  std::string container_name;     // as its engine calls it; "" = not known
  std::string pod;                // Kubernetes pod uid
  std::string slurm_job;          // "17"
  // The owner for messages, with the container's name, else its short id: "podman web", "pod
  // 1b2c..., docker 3f2a9c10b7de"; "" when unknown.
  std::string str() const;
};

enum class HolderKind {
  kProcess,       // an ordinary process
  kService,       // one of NVIDIA's own: persistence daemon, DCGM, fabric manager, nvsm
  kDisplay,       // X server, compositor; pid 0: a screen whose owner is not visible
  kKernelModule,  // nvidia_drm with a user
  kLease,         // a lease of the instance, whether or not a process runs on it
};

// kReset: blocks mode change and reset; kDestroy: blocks destruction too.
enum class HolderStops { kDestroy, kReset };

struct Holder {
  HolderKind kind = HolderKind::kProcess;
  // 0 for a kernel module, for a lease whose holder is no job, and for a screen of an unknown
  // owner.
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;  // guards against pid reuse; 0 = unknown
  std::string name;               // comm, the module's name, "lease 3 of team-a"
  std::optional<std::uint32_t> uid;
  Owner owner;
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  HolderStops stops = HolderStops::kDestroy;
  std::vector<std::string> evidence;   // "driver process list", "/dev/nvidia-caps/nvidia-cap21"
  bool stops_first_instance = false;   // blocks the creation of the GPU's first instance
  std::optional<InstanceLease> lease;  // set for kLease

  std::string who() const;  // "pid 4121 (python, uid 1000, Slurm job 17)"
  std::string str() const;  // the same with the location: "... on GPU 0 gi=3"
};

struct HolderReport {
  std::vector<Holder> holders;  // by GPU, then instance, then pid
  // Processes whose descriptors are not readable: without root the absence of holders is not
  // proved.
  std::uint32_t unreadable_processes = 0;
};

const char* name_of(HolderKind kind);    // "kernel_module"
const char* name_of(HolderStops stops);  // "destroy"

}  // namespace mig

#endif  // MIGCTL_MODEL_HOLDER_H_
