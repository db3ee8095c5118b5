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
  std::string name;  // "" = not visible to us
  std::optional<std::uint64_t> memory_mib;
  std::optional<GpuInstanceId> gpu_instance;  // nullopt: on the whole GPU
  std::optional<ComputeInstanceId> compute_instance;
  bool graphics = false;  // draws and does not compute: a display, where it is on no instance

  // Computes on it, or somewhere on the GPU where the driver does not say.
  bool may_be_on(GpuInstanceId id) const;
  friend bool operator==(const Process&, const Process&) = default;
};

// A lease of an instance: in use, whether a process is on the instance or not. Drivers know no
// leases; whoever reads them from where they are kept adds them to the Gpu.
struct InstanceLease {
  std::int64_t id = 0;
  std::string tenant;
  std::string job;  // its name for people; "" = none
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  // The job itself, where it may be signalled to give the instance back; 0 = no such process.
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;  // of that process

  std::string str() const;  // "lease 3 of team-a (train)"
  friend bool operator==(const InstanceLease&, const InstanceLease&) = default;
};

struct ComputeInstance {
  ComputeInstanceId id;
  std::uint32_t nvml_profile = 0;
  ProfileName name;
  std::optional<Placement> placement;  // inside the GPU instance
  std::optional<std::uint32_t> sm;
  std::string uuid;                           // "MIG-..."; "" = the driver did not tell
  std::optional<std::uint32_t> device_index;  // MIG device index on its GPU
  std::optional<std::uint64_t> memory_used_mib;
  friend bool operator==(const ComputeInstance&, const ComputeInstance&) = default;
};

struct GpuInstance {
  GpuInstanceId id;
  ProfileId profile_id;
  std::uint32_t nvml_profile = 0;
  ProfileName name;
  Placement placement;  // memory slices
  std::uint64_t memory_mib = 0;
  std::uint32_t sm = 0;
  std::vector<ComputeInstance> compute_instances;  // ascending id
  friend bool operator==(const GpuInstance&, const GpuInstance&) = default;
};

enum class MigMode { kUnsupported, kDisabled, kEnabled };
enum class Architecture { kUnknown, kOlder, kAmpere, kAda, kHopper, kBlackwell, kNewer };

// What a GPU has to do with screens, as far as the driver tells it (from R580 on not `attached`).
struct Display {
  std::optional<std::uint32_t> pci_class;  // base << 8 | sub: 0x0300 has outputs, 0x0302 has none
  std::optional<bool> attached;            // a monitor is plugged in
  std::optional<bool> active;              // somebody has memory for a screen there
  friend bool operator==(const Display&, const Display&) = default;
};

struct Gpu {
  GpuIndex index;
  std::string uuid;
  std::string name;
  std::string pci_bus_id;           // "00000000:00:06.0"
  std::uint32_t pci_device_id = 0;  // device << 16 | vendor: what device-filter matches
  std::uint32_t pci_subsystem_id = 0;
  std::optional<std::uint32_t> minor;
  Architecture architecture = Architecture::kUnknown;
  std::optional<std::uint64_t> memory_total_mib;  // with MIG on told to root only
  MigMode mig_current = MigMode::kUnsupported;
  MigMode mig_pending = MigMode::kUnsupported;
  std::uint32_t max_mig_devices = 0;
  // Slots: the largest end of any legal placement (0: no MIG, or not told).
  std::uint32_t memory_slices = 0;
  std::uint32_t compute_slices = 0;          // slices of the largest profile
  std::vector<GpuInstanceProfile> profiles;  // in nvidia-smi's order
  std::vector<GpuInstance> instances;        // ascending id
  // False when the driver refused to list instances (needs root): `instances` then comes from MIG
  // device handles and lacks placements of instances without compute instances.
  bool instances_complete = true;
  std::vector<Process> processes;
  std::vector<InstanceLease> leases;  // empty where nobody looked, too
  Display display;

  // A workstation board whose display outputs are on refuses MIG until they are off.
  bool has_outputs() const;
  // What may be done about a GPU that does not do MIG; "" = nothing that is known.
  std::string way_to_mig() const;
  const GpuInstanceProfile* find_profile(const ProfileName& name) const;  // GPU-instance part only
  const GpuInstanceProfile* find_profile(ProfileId id) const;
  const GpuInstance* find_instance(GpuInstanceId id) const;
  // Processes on an instance (any of its compute instances), and those that the driver places on
  // the GPU without naming an instance: they may be on this one. A display is on none.
  std::vector<Process> processes_on(GpuInstanceId id) const;
  std::vector<InstanceLease> leases_on(GpuInstanceId id) const;
  // Somebody is, or may be, on it, or has leased a part of it.
  bool in_use(GpuInstanceId id) const;
  friend bool operator==(const Gpu&, const Gpu&) = default;
};

// A GPU that the driver counts and will not open: fallen off the bus, say. More than the index and
// the driver's word is not known of it.
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
  std::vector<LostGpu> lost;  // ascending index; in none of the above
  // What could not be read and why, one line each: a lost GPU is left out, not the whole machine.
  std::vector<std::string> warnings;

  const Gpu* find_gpu(GpuIndex index) const;
  const Gpu* find_gpu(std::string_view uuid) const;
  const LostGpu* find_lost(GpuIndex index) const;
  // The first that cannot be opened, where all GPUs are meant: kDeviceLost with the driver's word.
  Result<void> none_lost() const;
  // Where a thing that is not here may be on one that cannot be opened: that error, else `error`.
  Error or_lost(Error error) const;
};

// Hash of what a plan depends on: GPU uuids, modes, instances with placements. Processes excluded.
// Of the GPUs that `counts` accepts; of all when there is none.
std::uint64_t layout_generation(const Inventory& inventory,
                                const std::function<bool(const Gpu&)>& counts = {});

}  // namespace mig

#endif  // MIG_INVENTORY_H_
