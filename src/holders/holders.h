// SPDX-License-Identifier: Apache-2.0
// Holders: everything that blocks a change of a GPU, with the kind of change that it blocks:
// processes on instances (the driver's lists), processes with device or capability nodes open
// (/proc/<pid>/fd), kernel modules, NVIDIA's services with the GPU open, a display, leases.
//
// Users of an instance block its destruction; users of the GPU in any way block a reset or a mode
// change. Reads /proc and /sys below the given roots; never sends a signal.
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
  kDisplay,       // X server, compositor; pid 0: a screen whose owner is not visible
  kKernelModule,  // nvidia_drm with a nonzero use count
  kLease,         // a lease on the instance, whether or not a process runs on it
};

// kReset: blocks mode change and reset; kDestroy: blocks destruction too.
enum class Stops { kDestroy, kReset };

struct Holder {
  Kind kind = Kind::kProcess;
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
  Stops stops = Stops::kDestroy;
  std::vector<std::string> evidence;  // "driver process list", "/dev/nvidia-caps/nvidia-cap21"
  // The holder for messages: "pid 4121 (python, uid 1000, Slurm job 17) on GPU 0 gi=3".
  std::string str() const;
};

struct Roots {
  std::string proc = base::proc_root();  // /proc for processes
  std::string driver_proc = "/proc";     // modules and driver/; a simulated machine has its own
  std::string dev = "/dev";
  // Additional processes: services of a simulated machine, which are no processes of the host. "" =
  // none.
  std::string machine_proc = {};
  std::string lease_store = {};  // "" = leases are ignored
};

struct Report {
  std::vector<Holder> holders;  // by GPU, then instance, then pid
  // Processes whose descriptors are not readable: without root the absence of holders is not
  // proved.
  std::uint32_t unreadable_processes = 0;
};

Result<Report> find_holders(const Inventory& inventory, const Roots& roots = {});

// Only processes with nodes open at this moment; the inventory's process lists may be older and are
// ignored.
Result<Report> find_open_nodes(const Inventory& inventory, const Roots& roots = {});

// True for programs that open the driver for a moment: nvidia-smi, migctl, migd. Until nvmlShutdown
// they have every GPU open.
bool is_passing(const Holder& holder);

// True for a holder that draws, with GPU memory outside of every instance: a process in the
// driver's graphics list, a display with a screen. The driver then refuses the first GPU instance
// (RTX PRO 6000 Max-Q, 580.105.08: Xorg and gnome-shell, 10 and 17 MiB, with no screen on that
// GPU).
bool stops_first_instance(const Holder& holder);

const char* name_of(Kind kind);
const char* name_of(Stops stops);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_HOLDERS_H_
