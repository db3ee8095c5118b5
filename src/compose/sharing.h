// SPDX-License-Identifier: Apache-2.0
// Inside of compose/: instances that several containers get, and should not.
//
// Threading: pure functions.
#ifndef MIGCTL_COMPOSE_SHARING_H_
#define MIGCTL_COMPOSE_SHARING_H_

#include <string>
#include <vector>

#include "compose/machine.h"
#include "config/compose_file.h"
#include "model/compose_values.h"

namespace mig::compose {

// A service and where it names an instance that it gets.
struct Use {
  const config::ComposeService* service;
  SourcePosition where;
  std::string reference;
};

// Adds a finding for each service after the first, and for each of several containers; none where
// all want it shared.
void find_shared(const Machine& machine,
                 const std::string& uuid,
                 const std::vector<Use>& uses,
                 std::vector<ComposeFinding>& findings);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_SHARING_H_
