// SPDX-License-Identifier: Apache-2.0
// Jobs on the instances of a node: launch/run.h with the machine's own folders and readings.
#ifndef MIGCTL_SERVICE_RUN_JOB_H_
#define MIGCTL_SERVICE_RUN_JOB_H_

#include "mig/result.h"

#include "launch/restart.h"
#include "launch/run.h"
#include "launch/supervise.h"
#include "node/node.h"

namespace mig::service {

// Request and result of a job, for callers that may not include launch/.
using launch::Devices;
using launch::IndexView;
using launch::Leased;
using launch::RankEnd;
using launch::RestartPolicy;
using launch::RunRequest;
using launch::RunResult;

// Folders of the device nodes and of the driver's files in /proc.
launch::DeviceRoots device_roots(const node::Node& node);

// Runs a job and returns after its end (launch/run.h). While its commands run the GPUs are closed
// (Node::rest).
Result<RunResult> run_job(node::Node& node, const RunRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RUN_JOB_H_
