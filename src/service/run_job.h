// SPDX-License-Identifier: Apache-2.0
// Jobs on the instances of a node: launch/run.h with the machine's own folders and readings.
#ifndef MIGCTL_SERVICE_RUN_JOB_H_
#define MIGCTL_SERVICE_RUN_JOB_H_

#include <vector>

#include "mig/result.h"

#include "launch/run.h"
#include "model/job.h"
#include "node/node.h"

namespace mig::service {

// Folders of the device nodes and of the driver's files in /proc.
launch::DeviceRoots device_roots(const node::Node& node);

// Runs a job and returns after its end (launch/run.h). While its commands run the GPUs are closed
// (Node::rest).
Result<launch::RunResult> run_job(node::Node& node, const launch::RunRequest& request);

// The user's jobs on this machine, by id; without `ended` only waiting and running ones.
Result<std::vector<Job>> list_jobs(const node::Node& node, bool ended);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RUN_JOB_H_
