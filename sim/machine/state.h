// SPDX-License-Identifier: Apache-2.0
// The simulated machine's state: plain data, the same bytes in every process that maps the state
// file. No pointers, no std containers; fixed-width members only. All data of the simulated driver
// is here, so libnvidia-ml.so.1 reads no JSON: `migctl sim create` expands the board files into
// Board.
//
// Unknown numbers are kUnknown (the board file said null): the call answers NOT_SUPPORTED.
#ifndef MIGCTL_SIM_MACHINE_STATE_H_
#define MIGCTL_SIM_MACHINE_STATE_H_

#include <cstdint>
#include <type_traits>

namespace migsim {

inline constexpr std::uint32_t kFormatVersion = 6;  // format of the structs below
inline constexpr std::uint32_t kMaxGpus = 16;
inline constexpr std::uint32_t kMaxGiProfiles = 18;
inline constexpr std::uint32_t kMaxCiProfiles = 9;
inline constexpr std::uint32_t kMaxPlacements = 16;
inline constexpr std::uint32_t kMaxGis = 15;  // GI ids are slice-tree nodes 0..14: id == index
inline constexpr std::uint32_t kMaxCis = 8;   // CI id == index inside its GI
inline constexpr std::uint32_t kMaxComputeSlots = 8;  // compute slots in one GI
inline constexpr std::uint32_t kMaxOwnProcesses =
    1024;  // of owner and root; then guests (guests.h)
inline constexpr std::uint32_t kMaxProcesses = kMaxOwnProcesses + 256;
inline constexpr std::uint32_t kMaxFaults = 64;
inline constexpr std::uint32_t kMaxEvents = 256;  // ring of Xid and system events
inline constexpr std::uint32_t kMaxLatencies = 64;
inline constexpr std::int64_t kUnknown = INT64_MIN;
inline constexpr std::uint32_t kNone = 0xFFFFFFFFU;  // "not MIG" in process and event records

enum class Architecture : std::uint32_t {
  kAmpere = 7,
  kHopper = 9,
  kBlackwell = 10
};  // values are NVML's

struct Placement {
  std::uint32_t start = 0;
  std::uint32_t size = 0;
};

struct Engines {
  std::uint32_t ce = 0, dec = 0, enc = 0, jpeg = 0, ofa = 0;
};

struct CiProfile {
  std::uint32_t profile = 0;  // NVML_COMPUTE_INSTANCE_PROFILE_* value, also the printed id
  std::uint32_t slices = 0;
  std::uint32_t max_count = 0;
  std::uint32_t is_default = 0;  // the full profile: all slices and all SMs
  std::int64_t sm = kUnknown;
  Engines shared;
  std::uint32_t gfx = 0;
  std::uint32_t placement_count = 0;
  Placement placements[kMaxCis];  // start:size inside the GI, in slots (board files: `size`)
  char name[96] = {};             // "MIG 1c.3g.20gb", without the GPU instance's attribute
};

struct GiProfile {
  std::uint32_t profile = 0;  // NVML_GPU_INSTANCE_PROFILE_* value
  std::uint32_t id = 0;       // what nvidia-smi prints
  std::uint32_t slices = 0;   // compute slices
  std::uint32_t max_count = 0;
  std::uint32_t sm = 0;
  std::uint32_t p2p = 0;
  std::uint32_t gfx = 0;
  std::uint32_t media_extension = 0;  // +me or +me.all: at most one per board
  std::uint64_t memory_mib = 0;
  Engines engines;
  std::uint32_t placement_count = 0;
  std::uint32_t ci_profile_count = 0;
  Placement placements[kMaxPlacements];  // logical, in memory slices
  CiProfile ci_profiles[kMaxCiProfiles];
  char name[96] = {};  // "MIG 1g.5gb+me"
};

// PCI classes of GPUs: with display outputs (VGA), without (3D controller).
inline constexpr std::uint32_t kVgaClass = 0x030000, k3dClass = 0x030200;

struct Board {
  char key[64] = {};   // board name on the command line: "a100-sxm4-40gb"
  char name[96] = {};  // NVML name, "NVIDIA A100-SXM4-40GB"
  Architecture architecture = Architecture::kAmpere;
  std::uint32_t cc_major = 0, cc_minor = 0;
  std::uint32_t pci_device_id = 0, pci_subsystem_id = 0;  // device << 16 | vendor
  std::uint32_t pci_class = k3dClass;                     // factory setting
  std::uint32_t memory_slices = 0;                        // 8, 4 or 12
  std::uint32_t compute_slices = 0;                       // maximum number of GPU instances: 7 or 4
  std::uint32_t mode_needs_reset = 0;
  std::uint32_t aligned_compute = 0;  // how compute instances are placed (ci.cc)
  std::uint32_t gi_profile_count = 0;
  std::int64_t sm_count = kUnknown;
  std::int64_t cores = kUnknown;
  std::int64_t brand = kUnknown;  // nvmlBrandType_t
  std::int64_t memory_total_bytes = kUnknown;
  std::int64_t memory_reserved_bytes = kUnknown;
  std::int64_t memory_bus_bits = kUnknown;
  std::int64_t bar1_bytes = kUnknown;
  std::int64_t bar1_mig_bytes = kUnknown;  // BAR1 that all MIG devices share, from R580 on
  std::int64_t ecc_enabled = kUnknown;     // factory setting
  std::int64_t power_idle_mw = kUnknown;
  std::int64_t power_limit_mw = kUnknown, power_min_limit_mw = kUnknown;
  std::int64_t temperature_idle_c = kUnknown, temperature_full_c = kUnknown;
  std::int64_t temperature_slowdown_c = kUnknown, temperature_shutdown_c = kUnknown;
  std::int64_t fan_percent = kUnknown;  // idle speed; unknown also where the board has no fan
  std::int64_t clock_sm_idle_mhz = kUnknown, clock_sm_max_mhz = kUnknown;
  std::int64_t clock_mem_idle_mhz = kUnknown, clock_mem_max_mhz = kUnknown;
  // Supported clocks: SM clocks in steps from the lowest, and a second memory clock below the
  // highest (0 = none).
  std::int64_t clock_sm_min_mhz = kUnknown, clock_sm_step_mhz = kUnknown;
  std::int64_t clock_mem_low_mhz = kUnknown;
  std::int64_t remap_banks = kUnknown;  // memory banks whose spare rows are all left
  std::int64_t pcie_gen = kUnknown, pcie_width = kUnknown;
  std::int64_t nvlink_count = kUnknown, nvlink_version = kUnknown;
  // Roofline of the whole GPU for simulated workloads (data sheet, dense): units in the name.
  std::int64_t fp32_gflops = kUnknown, tf32_gflops = kUnknown, bf16_gflops = kUnknown;
  std::int64_t dram_mb_per_s = kUnknown;
  std::int64_t pcie_mb_per_s = kUnknown;
  char vbios[32] = {};                                                      // "" = unknown
  char part_number[32] = {};                                                // "" = unknown
  char inforom_image[32] = {}, inforom_oem[16] = {}, inforom_ecc[16] = {};  // "" = unknown
  GiProfile gi_profiles[kMaxGiProfiles];  // in the order of mig -lgip
};

// Rates that a process reports: 0..1 of its instance's capacity, except PCIe (bytes per second).
enum Metric : std::uint32_t {
  kGraphics,
  kSmActive,
  kSmOccupancy,
  kInteger,
  kTensor,
  kDfma,
  kHmma,
  kDmma,
  kImma,
  kDram,
  kFp64,
  kFp32,
  kFp16,
  kPcieTx,
  kPcieRx,
  kMetricCount
};

// Integral of every rate over time, in rate * nanoseconds; GPM metrics are differences of two.
struct Counters {
  std::uint64_t since_ns = 0;  // CLOCK_BOOTTIME of the last update
  double rate[kMetricCount] = {};
  double integral[kMetricCount] = {};
};

struct CiState {
  std::uint32_t used = 0;
  std::uint32_t profile_index = 0;  // index into GiProfile::ci_profiles
  Placement placement;
  std::uint64_t serial = 0;  // unique over the machine's life: detects a stale handle
  char uuid[48] = {};
};

struct GiState {
  std::uint32_t used = 0;
  std::uint32_t profile_index = 0;  // index into Board::gi_profiles
  Placement placement;              // logical, in memory slices
  std::uint64_t serial = 0;
  Counters counters;  // relative to the GI's own share
  CiState cis[kMaxCis];
};

// Settings changed through NVML's setters and nvidia-smi, in force until a reset; 0 = not set.
struct Settings {
  std::uint32_t power_limit_mw = 0;
  std::uint32_t sm_lock_min_mhz = 0, sm_lock_max_mhz = 0;  // locked when the maximum is not 0
  std::uint32_t mem_lock_min_mhz = 0, mem_lock_max_mhz = 0;
  std::uint32_t application_sm_mhz = 0, application_mem_mhz = 0;
};

struct GpuState {
  std::uint32_t board = 0;  // index into Hardware::boards
  std::uint32_t minor = 0;
  std::uint32_t pci_domain = 0, pci_bus = 0, pci_device = 0;
  std::uint32_t module_id = 0;
  char uuid[48] = {};
  char serial_number[32] = {};
  std::uint32_t swap_halves = 0;  // the GPU's missing GPC lies in the first half
  std::uint32_t mig_current = 0, mig_pending = 0;
  std::uint32_t lost = 0;  // fallen off the bus: calls answer GPU_IS_LOST until reboot
  std::uint32_t persistence = 0, compute_mode = 0, accounting = 0, ecc_enabled = 1, ecc_pending = 1;
  std::uint32_t graphics_mode = 0;  // workstation board with its display outputs on: MIG is refused
  std::uint64_t ecc_corrected = 0, ecc_uncorrected = 0;
  // A memory row waits for its remapping by the next reset; one could not be remapped, which no
  // reset mends; and NVML_GPU_RECOVERY_ACTION_*. Set by `sim inject` only.
  std::uint32_t remap_pending = 0, remap_failed = 0, recovery_action = 0;
  Settings settings;
  std::uint64_t energy_since_ns = 0;
  double energy_mj = 0;  // energy in millijoules up to energy_since_ns
  double heat_c = 0;     // temperature above idle in degrees C at energy_since_ns (telemetry.h)
  Counters counters;     // counters of the whole GPU
  GiState gis[kMaxGis];
};

// Demand of a process running alone, in the units of its rates (contention.h).
struct Wants {
  double sm = 0, dram = 0, pcie_tx = 0, pcie_rx = 0;
};

// One per process and instance, made and removed by process.h (contexts of one process on one
// instance share the entry: NVML lists a process once).
struct ProcessState {
  std::uint32_t used = 0;
  std::int32_t pid = 0;
  std::uint32_t contexts = 0;
  std::uint64_t serial = 0;         // unique over the machine's life, like CiState::serial
  std::uint64_t start_ticks = 0;    // /proc/<pid>/stat field 22: detects a reused pid
  std::uint64_t pid_namespace = 0;  // inode of the pid namespace that pid is valid in
  std::uint32_t gpu = 0, gi = kNone, ci = kNone;
  std::uint32_t kind = 0;  // 0 compute, 1 graphics, 2 MPS client
  std::uint64_t memory_bytes = 0;
  double rate[kMetricCount] = {};
  Wants wants;
  std::uint64_t attached_ns = 0;
  std::uint32_t xids = 0, last_xid = 0;  // Xids that the process caused: count and last number
  char name[96] = {};
};

enum class FaultAction : std::uint32_t {
  kFail,
  kHang,
  kGpuLost,
  kKillBefore,
  kKillAfter,
  kXid,
  kMemory,    // `code` is a MemoryFault
  kRecovery,  // `code` is NVML_GPU_RECOVERY_ACTION_*
};

// Faults of the GPU's memory, by NVIDIA's documentation of memory error management.
enum class MemoryFault : std::int32_t { kUncorrected, kRemapPending, kRemapFailed };

struct Fault {
  std::uint32_t used = 0;
  char function[64] = {};     // exported function, or "*"
  std::uint32_t gpu = kNone;  // kNone = any
  std::uint32_t nth = 1;      // fires on the nth matching call
  std::uint32_t repeat = 1;   // and on `repeat` - 1 calls after it; 0 = for ever
  FaultAction action = FaultAction::kFail;
  std::int32_t code = 0;      // nvmlReturn_t for kFail, Xid number for kXid, see FaultAction
  std::uint32_t hang_ms = 0;  // 0 = for ever (kHang)
  std::uint32_t gi = kNone, ci = kNone;
  std::uint64_t seen = 0;  // matching calls so far
};

struct Latency {
  char function[64] = {};
  std::uint64_t ns = 0;  // latency as on hardware; scaled by Options::latency_permille
};

struct Event {
  std::uint64_t sequence = 0;  // 0 = empty
  std::uint64_t type = 0;      // nvmlEventType*
  std::uint64_t data = 0;      // Xid number
  std::uint32_t gpu = 0, gi = kNone, ci = kNone;
};

struct Options {
  std::uint32_t latency_permille = 10;      // scale of latencies: 1000 = as on hardware, 0 = none
  std::uint32_t fresh_uuids = 0;            // MIG UUIDs change at each creation
  std::uint32_t vm_passthrough = 0;         // passed through: pending mode, no reset
  std::uint32_t disable_destroys_idle = 0;  // disabling MIG removes idle instances
  std::uint32_t shared = 0;      // any local user may open the machine (like /dev/nvidia0)
  char driver_version[32] = {};  // "580.159.04"
  char nvml_version[32] = {};    // "13.580.159.04"
  std::uint32_t cuda_version = 13000;
};

// Constant after creation.
struct Hardware {
  std::uint32_t gpu_count = 0;
  std::uint32_t board_count = 0;
  char machine_name[64] = {};
  std::uint64_t seed = 0;  // seed of UUIDs and serial numbers
  std::uint32_t owner_uid = 0;
  Board boards[kMaxGpus];
};

// Mutable state. Changed by transaction only (machine.h): a reader sees all of a change or nothing.
struct State {
  std::uint64_t generation = 0;  // +1 per committed change of layout, mode or process list
  std::uint64_t next_serial = 1;
  std::uint64_t boot_count = 0;
  std::uint64_t event_sequence = 0;
  std::uint64_t calls_total = 0;
  std::uint32_t services = 0;  // bit set = service of kServices runs (services.h)
  Options options;
  GpuState gpus[kMaxGpus];
  std::uint32_t process_top = 0;  // slots from this index on are unused; only process.h changes it
  ProcessState processes[kMaxProcesses];
  Fault faults[kMaxFaults];
  Latency latencies[kMaxLatencies];
  Event events[kMaxEvents];
};

static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_copyable_v<Hardware>);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_STATE_H_
