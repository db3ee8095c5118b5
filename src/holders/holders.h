// SPDX-License-Identifier: Apache-2.0
// Everybody who stands in the way of a change of a GPU, and what they stand in the way of:
// processes on instances (the driver's lists), processes that keep device or capability nodes open
// (/proc/<pid>/fd), kernel modules, services of NVIDIA's that hold the GPU, a display.
//
// A destroy is stopped by whoever uses the instance; a reset or a mode change by whoever uses the
// GPU in any way. Reads /proc and /sys below the given roots; never signals anybody.
#ifndef MIGCTL_HOLDERS_HOLDERS_H_
#define MIGCTL_HOLDERS_HOLDERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/proc_root.h"
#include "holders/owner.h"

namespace mig::holders {

enum class Kind {
  kProcess,       // an ordinary process
  kService,       // one of NVIDIA's own: persistence daemon, DCGM, fabric manager, nvsm
  kDisplay,       // X server or compositor; without pid: a screen that the driver knows of, whose
                  // owner is no process that can be seen (the kernel's console, another user's)
  kKernelModule,  // nvidia_drm with a user
  kLease,         // somebody has leased the instance, whether a process is on it or not
};

enum class Stops { kDestroy, kReset };  // kReset: mode change and reset; kDestroy: those too

struct Holder {
  Kind kind = Kind::kProcess;
  // 0 for a kernel module, for a lease whose holder is no job, and for a screen of nobody known.
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;  // with pid names one process for good; 0 = unknown
  std::string name;               // comm, the module, "lease 3 of team-a"
  std::optional<std::uint32_t> uid;
  Owner owner;
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  Stops stops = Stops::kDestroy;
  std::vector<std::string> evidence;  // "driver process list", "/dev/nvidia-caps/nvidia-cap21"
  // "pid 4121 (python, uid 1000, Slurm job 17) on GPU 0 gi=3".
  std::string str() const;
};

struct Roots {
  std::string proc = base::proc_root();  // of the processes
  std::string driver_proc = "/proc";     // modules and driver/: a simulated machine has its own
  std::string dev = "/dev";
  // Further processes: a simulated machine has services that are no programs of the host. "" =
  // none.
  std::string machine_proc = {};
  std::string lease_store = {};  // "" = leases are not looked at
};

struct Report {
  std::vector<Holder> holders;  // by GPU, then instance, then pid
  // Processes whose descriptors we may not read: absence of holders is not proved without root.
  std::uint32_t unreadable_processes = 0;
};

Result<Report> find_holders(const Inventory& inventory, const Roots& roots = {});

// Only those who keep nodes open now; the inventory's process lists may be older and are left out.
Result<Report> find_open_nodes(const Inventory& inventory, const Roots& roots = {});

// A program that asks the driver something and lets go: nvidia-smi, migctl, migd. Meanwhile it
// holds every GPU, as anybody between nvmlInit and nvmlShutdown does.
bool is_passing(const Holder& holder);

// It draws, with memory of the GPU outside of every instance: whoever is in the driver's graphics
// list, a display with a screen. The driver refuses a first GPU instance as long as it is there
// (RTX PRO 6000 Max-Q, 580.105.08: Xorg and gnome-shell, 10 and 17 MiB, with no screen on that
// GPU).
bool stops_first_instance(const Holder& holder);

const char* name_of(Kind kind);
const char* name_of(Stops stops);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_HOLDERS_H_
