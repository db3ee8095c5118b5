// SPDX-License-Identifier: Apache-2.0
// For people who read a list of processes: which container a process is in.
#ifndef MIGCTL_SERVICE_PROCESS_OWNERS_H_
#define MIGCTL_SERVICE_PROCESS_OWNERS_H_

#include "mig/inventory.h"

namespace mig::service {

// Appends the container to the names of processes that are in one: "train (podman web)".
void name_containers(Inventory& inventory);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_PROCESS_OWNERS_H_
