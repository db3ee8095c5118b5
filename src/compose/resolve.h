// SPDX-License-Identifier: Apache-2.0
// Inside of compose/: what a name of a device means on the machine now, whichever way it is named;
// and if nothing, why, and what to write instead.
//
// Threading: pure functions.
#ifndef MIGCTL_COMPOSE_RESOLVE_H_
#define MIGCTL_COMPOSE_RESOLVE_H_

#include <optional>
#include <string>
#include <vector>

#include "compose/machine.h"

namespace mig::compose {

struct Meaning {
  enum class Kind {
    kInstance,
    kGpu,      // as a whole, without MIG
    kAll,      // all of them
    kNothing,  // `rule`, `why` and `mend` say more
  };
  Kind kind = Kind::kNothing;
  std::string uuid;  // of the instance or the GPU
  cdi::Naming naming = cdi::Naming::kUuid;
  std::string rule = {}, why = {};
  std::vector<std::string> mend = {};
  std::string instead = {};  // kNothing: UUID of the instance at the same place, or that is meant
};

// A name of a CDI device of migctl's kind, or an id as Docker's driver `nvidia` takes them:
// "0:1", "MIG-...", "1g.10gb-0", a slot, "all", also "MIG-GPU-<uuid>/<gi>/<ci>". `cdi`: what is to
// be written instead has the form "kind=name", else it is an id.
Meaning resolve(const Machine& machine, const std::string& name, bool cdi);

// What to write for an instance: "nvidia.com/gpu=train-a", or its UUID.
std::string to_write(const Machine& machine, const std::string& uuid, bool cdi);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_RESOLVE_H_
