// SPDX-License-Identifier: Apache-2.0
// Where an isolation test can run: for each way of sharing a place for the victim and one for its
// neighbour, of what is free. A pure function.
#ifndef MIGCTL_SERVICE_ISOLATION_PLACES_H_
#define MIGCTL_SERVICE_ISOLATION_PLACES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/isolation_values.h"

namespace mig::service {

struct PlaceSelection {
  std::optional<GpuIndex> gpu;
  std::optional<ProfileName> profile;  // of victim and neighbour
  std::vector<std::string> uuids;      // the victim's, then the neighbour's; MIG-... or GPU-...
  std::map<std::string, std::string> taken = {};  // uuid -> by whom: not to be used
};

// One per way asked for, in that order; those that cannot be had say why in `skipped`. Smallest
// instances first, two of one profile before two different ones. Errors: kNothingMatched for a
// selection that names nothing, kInUse when nothing of it is free for any way.
Result<std::vector<isolation::ModeReport>> isolation_modes(
    const Inventory& inventory,
    const PlaceSelection& selection,
    const std::vector<isolation::Sharing>& ways);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_PLACES_H_
