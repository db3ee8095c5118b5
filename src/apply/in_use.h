// SPDX-License-Identifier: Apache-2.0
// Processes that use what a step removes, beyond the driver's own lists: those that have nodes of
// the instance or of the GPU open (holders/). Searched when a plan is made and again directly
// before each step that destroys, resets or changes a mode.
#ifndef MIGCTL_APPLY_IN_USE_H_
#define MIGCTL_APPLY_IN_USE_H_

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "holders/holders.h"
#include "nvml/session.h"
#include "store/places.h"

namespace mig::apply {

// Roots for the search: a simulated machine has its own nodes, modules and capability minors.
holders::Roots holder_roots(const nvml::Session& session);
holders::Roots holder_roots(const store::Places& places);

// kInUse, naming all holders that block `step`. NVIDIA's services and kernel modules do not count
// against a reset or mode change: the driver decides. `resetless`: the GPU changes its mode without
// a reset, even while open (Hopper and later).
Result<void> check_open_nodes(const holders::Report& report,
                              const Step& step,
                              bool resetless = false);

// True when only short-lived commands (holders::is_passing) have the GPU open: a refusal by the
// driver is then worth a retry.
bool only_passing(const holders::Report& report, GpuIndex gpu);

// The driver's IN_USE does not say who: adds all holders of the GPU to the message (services and
// modules too, for a create the displays), and the hint how to stop services. Leaves other errors
// unchanged, and when no holder is found.
void name_holders(const Inventory& inventory,
                  const nvml::Session& session,
                  const Step& step,
                  Error& error);

// Adds processes that only have nodes of instances open to every GPU's processes: their instances
// are busy too.
void add_holders(const holders::Report& report, Inventory& inventory);

// Sets Blocker::start_ticks, and adds to GPUs with a reset or mode change the holders that block
// only such a step. Holders that may block, as the driver decides, become warnings.
void add_blockers(const holders::Report& report, Plan& plan);

// Removes blockers whose process has ended or left the blocked object.
void drop_gone(const holders::Report& report, Plan& plan);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_IN_USE_H_
