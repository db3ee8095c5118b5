// SPDX-License-Identifier: Apache-2.0
#include "model/free_report.h"

#include <algorithm>
#include <array>
#include <utility>

namespace mig {
namespace {

constexpr std::array<std::pair<Occupancy, const char*>, 5> kOccupancies{
    {{Occupancy::kFree, "free"},
     {Occupancy::kShared, "shared"},
     {Occupancy::kLeased, "leased"},
     {Occupancy::kEnding, "ending"},
     {Occupancy::kInUse, "inUse"}}};

}  // namespace

const char* name_of(Occupancy state) {
  return std::find_if(kOccupancies.begin(),
                      kOccupancies.end(),
                      [&](const auto& row) { return row.first == state; })
      ->second;
}

std::optional<Occupancy> parse_occupancy(const std::string& text) {
  const auto found = std::find_if(kOccupancies.begin(), kOccupancies.end(), [&](const auto& row) {
    return row.second == text;
  });
  return found == kOccupancies.end() ? std::nullopt : std::optional(found->first);
}

std::optional<NearMiss> near_miss(const FreeReport& report, const Need& need, bool create) {
  constexpr std::uint64_t kNear = 8;
  if (!need.min_memory_mib || need.profile) {
    return std::nullopt;
  }
  const std::uint64_t wanted = *need.min_memory_mib;
  NearMiss found;
  const auto look = [&](const ProfileName& profile, std::uint64_t memory_mib) {
    if (memory_mib < wanted && wanted - memory_mib <= wanted / kNear &&
        memory_mib > found.memory_mib) {
      found.profile = profile;
      found.memory_mib = memory_mib;
    }
    if (memory_mib >= wanted &&
        (found.taken_memory_mib == 0 || memory_mib < found.taken_memory_mib)) {
      found.taken = profile;
      found.taken_memory_mib = memory_mib;
    }
  };
  for (const InstanceState& one : report.instances) {
    look(one.instance.profile, one.instance.memory_mib);
  }
  for (const Makeable& one : report.makeable) {
    if (create && one.count > 0) {
      look(one.profile, one.memory_mib);
    }
  }
  return found.memory_mib == 0 || found.taken_memory_mib == 0 ? std::nullopt : std::optional(found);
}

}  // namespace mig
