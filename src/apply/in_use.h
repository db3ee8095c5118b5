// SPDX-License-Identifier: Apache-2.0
// Who uses what a step takes away, beyond the driver's own lists: whoever keeps the nodes of an
// instance or of the GPU open (holders/). Looked at when a plan is made and again right before each
// step that destroys, resets or changes a mode.
#ifndef MIGCTL_APPLY_IN_USE_H_
#define MIGCTL_APPLY_IN_USE_H_

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "holders/holders.h"
#include "nvml/session.h"

namespace mig::apply {

// Where to look: a simulated machine has nodes, modules and capability minors of its own.
holders::Roots holder_roots(const nvml::Session& session);

// kInUse, naming everybody who stands in the way of `step`; NVIDIA's own services and kernel
// modules do not stand in the way of a reset or mode change: that is the driver's to say.
// `resetless`: the GPU changes its mode without a reset, whoever has it open (Hopper and later).
Result<void> check_open_nodes(const holders::Report& report,
                              const Step& step,
                              bool resetless = false);

// Nobody holds the GPU but commands that are gone in a moment (holders::is_passing): what a driver
// refused because of them is worth another try.
bool only_passing(const holders::Report& report, GpuIndex gpu);

// A driver that refuses with IN_USE does not say who: adds everybody on the GPU to the message,
// services and modules too, for a creation the displays; the hint says how services are stopped.
// Does nothing to other errors, or when nobody can be found.
void name_holders(const Inventory& inventory,
                  const nvml::Session& session,
                  const Step& step,
                  Error& error);

// Every GPU's processes with those that only keep nodes of its instances open: they are busy too.
void add_holders(const holders::Report& report, Inventory& inventory);

// Blockers get the start of their process (Blocker::start_ticks), and GPUs with a reset or mode
// change the holders that only such a step concerns. What may stop it, but is for the driver to
// say, becomes a warning.
void add_blockers(const holders::Report& report, Plan& plan);

// Strikes out the blockers whose process is no longer there, or no longer on what is in the way.
void drop_gone(const holders::Report& report, Plan& plan);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_IN_USE_H_
