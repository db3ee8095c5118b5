// SPDX-License-Identifier: Apache-2.0
// Jobs on the instances of a node: launch/run.h with the machine's own folders and readings.
#ifndef MIGCTL_SERVICE_RUN_JOB_H_
#define MIGCTL_SERVICE_RUN_JOB_H_

#include "mig/result.h"

#include "launch/run.h"
#include "node/node.h"

namespace mig::service {

// Where the device nodes lie, and the driver's files in /proc.
launch::DeviceRoots device_roots(const node::Node& node);

// Runs a job and returns when it has ended (launch/run.h). While its commands run the GPUs are let
// go of (Node::rest).
Result<launch::RunResult> run_job(node::Node& node, const launch::RunRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RUN_JOB_H_
