// SPDX-License-Identifier: Apache-2.0
// Inventory: an immutable snapshot of a machine's GPUs, profiles, instances and processes, read
// through one driver session. Unknown readings are nullopt. Plain values; copy freely.
#ifndef MIG_INVENTORY_H_
#define MIG_INVENTORY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/error.h"
#include "mig/ids.h"
#include "mig/profile.h"
#include "mig/result.h"

namespace mig {

struct Process {
  std::uint32_t pid = 0;
  std::string name;  // "" = not readable for this user
  std::optional<std::uint64_t> memory_mib;
  std::optional<GpuInstanceId> gpu_instance;  // nullopt: on the GPU as a whole
  std::optional<ComputeInstanceId> compute_instance;
  bool graphics = false;  // graphics without compute: a display, which is on no instance

  // True when the process computes on the instance, or on the GPU without the driver naming an
  // instance.
  bool may_be_on(GpuInstanceId id) const;
  friend bool operator==(const Process&, const Process&) = default;
};

// A lease of an instance, which is in use whether or not a process runs on it. Drivers know no
// leases; the lease store's reader adds them to the Gpu.
struct InstanceLease {
  std::int64_t id = 0;
  std::string tenant;
  std::string job;  // job name for display; "" = none
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  // The job, where it may be signalled to release the instance; 0 = no such process.
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;  // start time of that process
  std::string key = {};  // of a lease that a component holds for others (Kubernetes); "" = none

  std::string str() const;  // "lease 3 of team-a (train)"
  friend bool operator==(const InstanceLease&, const InstanceLease&) = default;
};

struct ComputeInstance {
  ComputeInstanceId id;
  std::uint32_t nvml_profile = 0;
  ProfileName name;
  std::optional<Placement> placement;  // inside the GPU instance
  std::optional<std::uint32_t> sm;
  std::string uuid;                           // "MIG-..."; "" = not reported
  std::optional<std::uint32_t> device_index;  // MIG device index on its GPU
  std::optional<std::uint64_t> memory_used_mib;
  friend bool operator==(const ComputeInstance&, const ComputeInstance&) = default;
};

struct GpuInstance {
  GpuInstanceId id;
  ProfileId profile_id;
  std::uint32_t nvml_profile = 0;
  ProfileName name;
  Placement placement;  // in memory slices
  std::uint64_t memory_mib = 0;
  std::uint32_t sm = 0;
  std::vector<ComputeInstance> compute_instances;  // ascending id
  friend bool operator==(const GpuInstance&, const GpuInstance&) = default;
};

enum class MigMode { kUnsupported, kDisabled, kEnabled };
enum class Architecture { kUnknown, kOlder, kAmpere, kAda, kHopper, kBlackwell, kNewer };

// Display state of a GPU, as far as the driver reports it (from R580 on not `attached`).
struct Display {
  std::optional<std::uint32_t> pci_class;  // base << 8 | sub: 0x0300 with outputs, 0x0302 without
  std::optional<bool> attached;            // a monitor is connected
  std::optional<bool> active;              // memory is allocated for a screen
  friend bool operator==(const Display&, const Display&) = default;
};

struct Gpu {
  GpuIndex index;
  std::string uuid;
  std::string name;
  std::string pci_bus_id;           // "00000000:00:06.0"
  std::uint32_t pci_device_id = 0;  // device << 16 | vendor; compared by device-filter
  std::uint32_t pci_subsystem_id = 0;
  std::optional<std::uint32_t> minor;
  Architecture architecture = Architecture::kUnknown;
  std::optional<std::uint64_t> memory_total_mib;  // with MIG on reported to root only
  MigMode mig_current = MigMode::kUnsupported;
  MigMode mig_pending = MigMode::kUnsupported;
  std::uint32_t max_mig_devices = 0;
  // Number of slots: the largest end of any legal placement (0: no MIG, or unknown).
  std::uint32_t memory_slices = 0;
  std::uint32_t compute_slices = 0;          // slices of the largest profile
  std::vector<GpuInstanceProfile> profiles;  // in nvidia-smi's order
  std::vector<GpuInstance> instances;        // ascending id
  // False when the driver refused to list instances (needs root): `instances` is then derived from
  // MIG device handles, without GPU instances that have no compute instance, and mostly without
  // placements.
  bool instances_complete = true;
  std::vector<Process> processes;
  std::vector<InstanceLease> leases;  // empty also where leases were not read
  Display display;

  // A workstation board with its display outputs on refuses MIG until they are off.
  bool has_outputs() const;
  // Advice for a GPU that does not support MIG now; "" = none.
  std::string way_to_mig() const;
  const GpuInstanceProfile* find_profile(const ProfileName& name) const;  // the GPU instance part
  const GpuInstanceProfile* find_profile(ProfileId id) const;
  const GpuInstance* find_instance(GpuInstanceId id) const;
  // Processes on an instance (any of its compute instances), and those that the driver reports on
  // the GPU without an instance: they may be on this one. A display is on none.
  std::vector<Process> processes_on(GpuInstanceId id) const;
  std::vector<InstanceLease> leases_on(GpuInstanceId id) const;
  // True when a process runs on the instance, or may, or a part of the instance is leased.
  bool in_use(GpuInstanceId id) const;
  friend bool operator==(const Gpu&, const Gpu&) = default;
};

// A GPU that the driver counts but cannot open: fallen off the bus, for example. Only its index and
// the driver's error are known.
struct LostGpu {
  GpuIndex index;
  Error why;
};

struct Inventory {
  bool simulated = false;
  std::string simulated_machine;  // name, when simulated
  std::string driver_version, nvml_version;
  // Equal generations mean equal layout and modes: a hash over GPUs (by uuid), modes, instances.
  std::uint64_t generation = 0;
  std::vector<Gpu> gpus;      // ascending index; may have gaps, see warnings
  std::vector<LostGpu> lost;  // ascending index; not in `gpus`
  // Readings that failed and why, one line each: a lost GPU is left out, not the whole machine.
  std::vector<std::string> warnings;

  const Gpu* find_gpu(GpuIndex index) const;
  const Gpu* find_gpu(std::string_view uuid) const;
  const LostGpu* find_lost(GpuIndex index) const;
  // Error for operations on all GPUs: the first one that cannot be opened, kDeviceLost with the
  // driver's error.
  Result<void> none_lost() const;
  // For an object that was not found but may be on a GPU that cannot be opened: that GPU's error,
  // else `error`.
  Error or_lost(Error error) const;
};

// Hash of what a plan depends on: GPU uuids, modes, instances with placements; without processes.
// Of the GPUs that `counts` accepts; empty: of all.
std::uint64_t layout_generation(const Inventory& inventory,
                                const std::function<bool(const Gpu&)>& counts = {});

}  // namespace mig

#endif  // MIG_INVENTORY_H_
