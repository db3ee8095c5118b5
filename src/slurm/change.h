// SPDX-License-Identifier: Apache-2.0
// A change of the layout of a Slurm node, with everything that Slurm must be told:
//
//   drain -> wait until idle -> layout (service/change.h) -> files -> restart slurmctld, slurmd ->
//   resume
//
// Each step is recorded before it begins. A failure takes back what was done; a crash is taken up
// by recover(), or by the next apply(): the layout is then the one before or the one after
// (apply/recover.h), and files, daemons and node state are made to fit the one that is there.
//
// Slurm takes fewer GPUs than its slurm.conf says for a fault (INVAL, then DRAIN), and heals from
// it by no reconfigure: so the node is drained, both files are written, and slurmctld is restarted
// before slurmd. Tried with Slurm 22.05.8 (tests/slurm).
//
// Threading: as the Node; the observer is called from the same thread.
#ifndef MIGCTL_SLURM_CHANGE_H_
#define MIGCTL_SLURM_CHANGE_H_

#include <string>

#include "mig/result.h"

#include "model/slurm_values.h"
#include "node/node.h"
#include "service/change.h"
#include "slurm/settings.h"

namespace mig::slurm {

// An Error: kTimeout when jobs still run after Settings::drain, and others, with the node as it was
// before; kRolledBack when layout and files were taken back; kStuck when that failed: the node
// stays drained, and the record says what is left for recover().
Result<Switched> apply(const Settings& settings,
                       node::Node& node,
                       const service::Wish& wish,
                       const service::ChangeOptions& options,
                       service::ChangeObserver& observer);

// Goes on with a change that a crash cut short, or that is stuck.
Result<Switched> recover(const Settings& settings,
                         node::Node& node,
                         service::ChangeObserver& observer);

struct Wrote {
  std::string gres_path, conf_path;
  bool changed = false;
};

// Only the files, for a node that is set up: Slurm is not told.
Result<Wrote> write_files(const Settings& settings, const Files& files);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_CHANGE_H_
