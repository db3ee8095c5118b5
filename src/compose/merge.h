// SPDX-License-Identifier: Apache-2.0
// Compose files that are given together are one project, as for `docker compose -f A -f B`: of a
// service that several files name, lists add up (unless tagged !override or !reset) and single
// values are the last file's.
//
// Threading: pure functions.
#ifndef MIGCTL_COMPOSE_MERGE_H_
#define MIGCTL_COMPOSE_MERGE_H_

#include <vector>

#include "config/compose_file.h"

namespace mig::compose {

std::vector<config::ComposeService> merged_services(const std::vector<config::ComposeFile>& files);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_MERGE_H_
