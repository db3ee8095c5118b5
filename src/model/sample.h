// SPDX-License-Identifier: Apache-2.0
// What every GPU, instance and process did in one tick of the sampler, as values: observe/ takes
// them, the exporter, the API, the terminal view and the history show them. Plain values.
//
// Identity is GPU UUID, GI id, CI id and `generation`: MIG UUIDs are deterministic, so the same
// shape at the same place has the same UUID for the next tenant; the generation tells them apart.
//
// Unknown is a value: a reading that the driver does not give is nullopt, never 0, and
// `activity_reason` says why. Ratios are of the interval between two ticks and are raw: they may
// exceed 1 (views clamp).
#ifndef MIGCTL_MODEL_SAMPLE_H_
#define MIGCTL_MODEL_SAMPLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/inventory.h"

#include "model/holder.h"

namespace mig {

// Shares of the interval, 0 to 1 (GPM metrics 1 to 13), and PCIe traffic (GPM 20, 21).
struct Activity {
  std::optional<double> graphics, sm, occupancy, tensor, dram;
  std::optional<double> fp64, fp32, fp16, integer;
  std::optional<double> pcie_tx_bytes_per_second, pcie_rx_bytes_per_second;
  bool operator==(const Activity&) const = default;
};

// Where activity is from.
enum class ActivitySource {
  kUnknown,  // the driver gives none: Ampere in MIG mode, or no two samples yet
  kGpm,      // nvmlGpmMetricsGet
  kDcgm,     // libdcgm, loaded at run time
};

const char* name_of(ActivitySource source);  // "unknown", "gpm", "dcgm"

// Who has an instance by a lease: one for each lease on it.
struct InstanceUse {
  std::int64_t lease = 0;
  std::string tenant, job;  // job: its name, "" = none
  std::uint32_t uid = 0;
  std::int64_t since_ms = 0;  // Unix time of the grant
};

struct ProcessSample {
  std::uint32_t pid = 0;
  std::string name;  // comm, printable
  std::optional<std::uint32_t> uid;
  std::optional<std::uint64_t> memory_bytes;  // device memory
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  Owner owner;                        // unit, container, pod, Slurm job
  std::optional<std::int64_t> lease;  // of its user, on that instance; nullopt: runs without one
  std::string tenant;                 // of its user; "" = unknown
};

struct ComputeInstanceSample {
  ComputeInstanceId id;
  std::string profile;  // "1c.3g.71gb"
  std::string uuid;     // "MIG-..."
  std::optional<std::uint32_t> sm;
  std::optional<Activity> activity;  // only where the driver gives it for each compute instance
  std::vector<InstanceUse> uses;
};

// Xids since the sampler started, by code.
struct XidCount {
  std::uint64_t xid = 0;
  std::optional<GpuInstanceId> gpu_instance;  // nullopt: of the GPU
  std::optional<ComputeInstanceId> compute_instance;
  std::uint64_t count = 0;
  std::int64_t last_ms = 0;  // Unix time
};

struct GpuInstanceSample {
  GpuInstanceId id;
  std::string profile;  // NVML's words: "1g.18gb+me"
  Placement placement;
  std::uint64_t generation = 0;  // of the layout change that made it (or first saw it)
  std::uint32_t sm = 0;
  std::optional<std::uint64_t> memory_total_bytes, memory_used_bytes;  // once for each GI
  ActivitySource source = ActivitySource::kUnknown;
  std::string activity_reason;  // why it is unknown, for people; "" = known
  Activity activity;
  // The interval that the activity is an average over, and how long ago it ended: more than 0 where
  // a driver is too slow to be asked about every instance in every tick.
  std::optional<double> activity_seconds, activity_age_seconds;
  // Attributed since the sampler first ran (survives restarts), in millijoules; with the others and
  // the unattributed part they add up to the board's counter. nullopt: the board has no counter.
  std::optional<std::uint64_t> energy_mj;
  std::optional<double> power_watts;  // its part of the board's power now, divided likewise
  std::vector<ComputeInstanceSample> compute_instances;
  std::optional<std::int64_t> idle_since_ms;  // Unix time since when its activity is below 2 %
};

struct GpuSample {
  GpuIndex index;
  std::string uuid, name, pci_bus_id;
  std::optional<std::uint32_t> minor;
  MigMode mig_current = MigMode::kUnsupported, mig_pending = MigMode::kUnsupported;
  std::uint32_t memory_slices = 0, compute_slices = 0;
  // SMs that MIG can give (those of the largest profile: an A100 has 98 of 108), and those of
  // instances; stranded: not used, and not usable either by instances of one profile beside these.
  std::optional<std::uint32_t> sm_total;
  std::uint32_t sm_allocated = 0;
  std::optional<std::uint32_t> sm_stranded;
  std::optional<std::uint64_t> memory_total_bytes, memory_used_bytes;
  std::optional<double> power_watts, power_limit_watts;
  // The board's counter, carried on where a reboot or a reset of the driver sets it back to 0, so
  // that it never falls. Always the sum of what its instances have (energy_mj of each), of what
  // instances had that are gone, and of the unattributed part, to the millijoule.
  std::optional<std::uint64_t> energy_mj;
  std::optional<std::uint64_t> energy_gone_mj;
  std::optional<std::uint64_t> energy_unattributed_mj;  // idle floor, what nobody used, or measured
  std::optional<std::string> energy_method;             // "sm_dram_weighted", "slice_share"
  std::optional<double> temperature_celsius, memory_temperature_celsius;
  std::optional<double> sm_clock_hz, memory_clock_hz;
  std::optional<double> gpu_utilization;  // nvmlDeviceGetUtilizationRates; unknown in MIG mode
  std::optional<double> memory_utilization;
  std::optional<std::uint64_t> throttle_reasons;                // bits of nvmlClocksEventReasons
  std::optional<std::uint64_t> ecc_uncorrected, ecc_corrected;  // volatile, since the driver loaded
  std::optional<bool> remap_pending, remap_failed;
  ActivitySource source = ActivitySource::kUnknown;
  std::string activity_reason;
  Activity activity;  // of the whole GPU
  std::vector<GpuInstanceSample> instances;
  std::vector<ProcessSample> processes;
  std::vector<XidCount> xids;

  // Instances that could be made now beside those that exist, by profile name.
  struct Room {
    std::string profile;
    std::uint32_t free = 0;
  };

  std::vector<Room> room;
  std::optional<bool>
      drift;  // differs from the last layout that a change of ours left; nullopt: none
};

// One part of a tick: "topology", "gpm", "energy", "processes", "events", "leases".
struct CollectorHealth {
  std::string name;
  bool success = false;
  std::string error;  // the last one; "" = none
  double duration_seconds = 0;
  std::optional<std::int64_t> last_success_ms;  // Unix time
};

// A whole tick. Immutable once published; readers share it.
struct MachineSample {
  std::int64_t time_ms = 0;  // Unix time of its end
  std::uint64_t tick = 0;    // since the sampler started, from 1
  double interval_seconds = 0;
  std::uint64_t generation = 0;  // of the layout
  bool simulated = false;
  std::string simulated_machine, driver_version, nvml_version, hostname;
  std::vector<GpuSample> gpus;
  std::vector<CollectorHealth> collectors;
  // Set while the driver hangs or its session is closed for a change: readings are withdrawn (gpus
  // is empty), and this says why.
  std::string withdrawn;
  // Withdrawn on purpose: closed for a change, or nothing was read yet. Nothing is wrong then.
  bool resting = false;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_SAMPLE_H_
