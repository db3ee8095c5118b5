// SPDX-License-Identifier: Apache-2.0
// JSON of the daemon's health. Threading: pure functions.
#ifndef MIGCTL_WIRE_HEALTH_H_
#define MIGCTL_WIRE_HEALTH_H_

#include <string>
#include <vector>

#include "wire/wire.h"

namespace mig::wire {

struct HealthPart {
  std::string name;     // "driver", "store"
  std::string trouble;  // "" = it works
};

// A document of kind Health.
std::string health_document(const std::vector<HealthPart>& parts,
                            const std::string& version,
                            const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_HEALTH_H_
