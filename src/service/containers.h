// SPDX-License-Identifier: Apache-2.0
// Jobs that are containers (launch/containers.h): for the command line, and what they need of the
// machine.
//
//   MIG_ASSIGN_OR_RETURN(request.command.containers,
//                        containers_of(launch::EngineKind::kPodman, words, "train-a"));
//   run_job(node, request);
//
// Threading: functions of the file system and of the installed engine.
#ifndef MIGCTL_SERVICE_CONTAINERS_H_
#define MIGCTL_SERVICE_CONTAINERS_H_

#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "launch/confine.h"
#include "launch/containers.h"

namespace mig::service {

using launch::EngineKind;
using launch::name_of;

// `words`: after migctl's own options. `name`: of the containers, "" = the engine's choice. Errors:
// those of launch::check_engine_words and launch::read_engine.
Result<std::shared_ptr<launch::Containers>> containers_of(EngineKind kind,
                                                          const std::vector<std::string>& words,
                                                          const std::string& name);

// The name by which engines that read these folders find the instance: "nvidia.com/gpu=MIG-...".
// Waits a moment for a change of the layout that has withdrawn the file. kNotFound: no file names
// it; kConflict: a file that is not true any more, or two that make the name unresolvable. Hints
// have the command that mends.
Result<std::string> cdi_name_of(const Instance& instance,
                                const std::vector<std::string>& folders,
                                const launch::DeviceRoots& roots);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CONTAINERS_H_
