// SPDX-License-Identifier: Apache-2.0
// What is done for one job: the prolog and epilog of slurmd, as root, and the prolog of each task,
// as the user. They read what Slurm says in the environment, and our part of gres.conf, which tells
// which instance a number means; the driver is not asked.
//
// Threading: not thread-safe. Errors: kUsage outside of Slurm; kInvalidInput where gres.conf does
// not know a number.
#ifndef MIGCTL_SLURM_JOB_H_
#define MIGCTL_SLURM_JOB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "client/lease_client.h"
#include "model/slurm_values.h"
#include "slurm/settings.h"

namespace mig::slurm {

struct JobWords {
  std::string id, uid;
  std::vector<std::uint32_t> devices;  // SLURM_STEP_GPUS, else SLURM_JOB_GPUS; empty = no GPU
  std::string constraints;             // as the user said them: "mig-7x1g&fast"
  std::uint32_t local_task = 0;        // number of the task on this node
  std::uint32_t local_tasks = 1;       // of the step, on this node
};

using Variables = std::map<std::string, std::string>;
Variables slurm_variables();

// kUsage without SLURM_JOB_ID.
Result<JobWords> parse_job(const Variables& variables);

using OpenLeases = std::function<Result<std::unique_ptr<client::LeaseClient>>()>;

// The devices in our part of gres.conf.
Result<std::vector<Device>> devices_of_files(const Settings& settings);

// Leases the job's instances, which are among `all`, for its user and writes its hpc_job files. A
// line for each that was done without. kInUse when an instance is leased by somebody else.
Result<std::vector<std::string>> prolog(const Settings& settings,
                                        const JobWords& job,
                                        const std::vector<Device>& all,
                                        const OpenLeases& leases);

// Gives back what prolog took, also where it ended half-way.
Result<void> epilog(const Settings& settings, const JobWords& job, const OpenLeases& leases);

// The lines for Slurm: "export CUDA_VISIBLE_DEVICES=MIG-...". Empty for a job without GPUs.
Result<std::string> task_prolog(const Settings& settings, const JobWords& job);

// Which devices a task has: those that Slurm names, of which it may open the nodes; where Slurm
// names none of these (Slurm before 23.11 tells each task of a step the same), those that it may
// open.
std::vector<Device> devices_of_task(const std::vector<Device>& all,
                                    const std::vector<std::uint32_t>& named,
                                    const std::function<bool(const std::string&)>& may_open);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_JOB_H_
