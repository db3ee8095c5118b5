// SPDX-License-Identifier: Apache-2.0
// Holds the GPUs of a Compose project against the machine: which instance each reference means, and
// what is stale, ambiguous or shared, with what mends it.
//
// Threading: pure functions.
#ifndef MIGCTL_COMPOSE_CHECK_H_
#define MIGCTL_COMPOSE_CHECK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compose/machine.h"
#include "config/compose_file.h"
#include "model/compose_values.h"

namespace mig::compose {

struct Project {
  std::vector<config::ComposeFile> files;       // in the order of `-f`
  std::map<std::string, std::int64_t> written;  // by file: Unix ms; none for standard input
};

ComposeReport check(const Project& project, const Machine& machine);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_CHECK_H_
