// SPDX-License-Identifier: Apache-2.0
// Places of an isolation test: for each way of sharing one for the victim and one for its
// neighbour, among the free instances. A pure function.
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
  std::vector<std::string> uuids;      // the victim's, then the neighbour's: MIG-... or GPU-...
  std::map<std::string, std::string> taken = {};  // instances in use: holder by uuid
};

// A place with what decides whether it can be had.
struct Spot {
  isolation::Place place;
  ProfileName profile;
  GpuInstanceId gpu_instance;
  std::string busy;  // its holder; "" = free
};

// The instances of the selection, smallest first, then the GPUs without MIG.
std::vector<Spot> spots_of(const Inventory& inventory, const PlaceSelection& selection);

// One per requested way of sharing, in that order; impossible ones have the reason in `skipped`.
// Smallest instances first, two of one profile before two different ones. Errors: kNothingMatched
// for a selection that matches nothing, kInUse when nothing of it is free for any way.
Result<std::vector<isolation::ModeReport>> isolation_modes(
    const Inventory& inventory,
    const PlaceSelection& selection,
    const std::vector<isolation::Sharing>& ways);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_PLACES_H_
