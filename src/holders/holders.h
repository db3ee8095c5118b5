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
#include "model/holder.h"

namespace mig::holders {

using mig::Holder;
using mig::name_of;
using Kind = HolderKind;
using Stops = HolderStops;
using Report = HolderReport;

struct Roots {
  std::string proc = base::proc_root();  // /proc for processes
  std::string driver_proc = "/proc";     // modules and driver/; a simulated machine has its own
  std::string dev = "/dev";
  // Additional processes: services of a simulated machine, which are no processes of the host. "" =
  // none.
  std::string machine_proc = {};
  std::string lease_store = {};  // "" = leases are ignored
};

class SearchAhead;  // holders/open_nodes.h

// `ahead`: a search of /proc that the caller began earlier, of the same roots; it is used up.
Result<Report> find_holders(const Inventory& inventory,
                            const Roots& roots = {},
                            SearchAhead* ahead = nullptr);

// Only processes with nodes open at this moment; the inventory's process lists may be older and are
// ignored.
Result<Report> find_open_nodes(const Inventory& inventory, const Roots& roots = {});

// True for programs that open the driver for a moment: nvidia-smi, migctl, migd. Until nvmlShutdown
// they have every GPU open. Another user's is taken for one in its first minute only: who calls a
// program so is a process like any other after that.
bool is_passing(const Holder& holder);

// True for a holder that draws, with GPU memory outside of every instance: a process in the
// driver's graphics list, a display with a screen. The driver then refuses the first GPU instance
// (RTX PRO 6000 Max-Q, 580.105.08: Xorg and gnome-shell, 10 and 17 MiB, with no screen on that
// GPU).
bool stops_first_instance(const Holder& holder);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_HOLDERS_H_
