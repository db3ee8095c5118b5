// SPDX-License-Identifier: Apache-2.0
// A layout for one job: `sbatch --constraint=mig-NAME` gives a job that has all of a node's GPUs
// the config NAME of the settings' job_layouts file for as long as it runs.
//
//   prolog: record -> change -> the job's instances    epilog: undo of the change -> record goes
//
// slurmctld, slurmd and gres.conf know the node's own layout all the time: no daemon is restarted,
// and none must be while such a job runs. What a job cannot have it is told by its tasks, which end
// at once: a prolog that fails would drain the node. An epilog that cannot put the node's layout
// back fails, and Slurm drains the node, since its files are then wrong.
//
// Crash: the record is written before the change, and names the last one before it. The next
// epilog, prolog, `slurm recover` or `slurm apply` undoes what was changed for the job.
//
// Threading: as the Node; the observer is called from the same thread.
#ifndef MIGCTL_SLURM_JOB_LAYOUT_H_
#define MIGCTL_SLURM_JOB_LAYOUT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/slurm_values.h"
#include "node/node.h"
#include "service/change.h"
#include "slurm/job.h"
#include "slurm/settings.h"

namespace mig::slurm {

// The config that a job's features ask for: "7x1g" of "fast&mig-7x1g"; nullopt = none.
// kInvalidInput for more than one, and for one among alternatives.
Result<std::optional<std::string>> layout_asked(std::string_view constraints);

// Which job has a layout of its own; nullopt = none.
Result<std::optional<std::string>> job_with_layout(const node::Node& node);

// For the prolog: changes the layout for the job, and says which instances it has. An Error: the
// machine is as before, but for kStuck; `refuse_job` lets the job's tasks say so. kConflict: the
// layout of an earlier job could not be put back, and no job must start.
Result<std::vector<Device>> begin_job_layout(const Settings& settings,
                                             node::Node& node,
                                             const JobWords& job,
                                             const std::string& layout,
                                             service::ChangeObserver& observer);

// For the epilog, once the job's leases are gone: undoes the change. Does nothing where another job
// has the layout. kConflict when the machine has not what gres.conf says, then.
Result<void> end_job_layout(const Settings& settings,
                            node::Node& node,
                            const std::string& job,
                            service::ChangeObserver& observer);

// The layout and the leases of a job that is over and had no epilog. nullopt: there is none; else
// the job. kInUse when slurmctld says that the job runs.
Result<std::optional<std::string>> end_left_layout(const Settings& settings,
                                                   node::Node& node,
                                                   const OpenLeases& leases,
                                                   service::ChangeObserver& observer);

// The job's tasks end at once, and say `why`.
Result<void> refuse_job(const Settings& settings, const JobWords& job, const Error& why);

// What a task is told where its job has a layout, or was refused one; nullopt = neither.
struct TaskWords {
  std::string lines;     // for Slurm: "export ...", "print ..."
  bool refused = false;  // the task must not start
};

Result<std::optional<TaskWords>> task_of_layout(const Settings& settings, const JobWords& job);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_JOB_LAYOUT_H_
