// SPDX-License-Identifier: Apache-2.0
#include "planner/wants.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/compute_names.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

Error lacks_profile(const Board& board, const ProfileName& wanted, bool compute) {
  std::vector<std::string> names;
  const GpuInstanceProfile* owner = compute ? board.gpu().find_profile(wanted) : nullptr;
  for (const GpuInstanceProfile& profile : board.profiles()) {
    names.push_back(profile.name.str());
  }
  if (owner != nullptr) {
    names.clear();
    for (const ComputeInstanceProfile& profile : owner->compute_profiles) {
      names.push_back(profile.name.str());
    }
  }
  const auto near = base::nearest(wanted.str(), names);
  return Error{ErrorCode::kNotSupported,
               fmt::format("{} has no profile {}", board.name(), wanted.str()),
               fmt::format("{}it has {}",
                           near.empty() ? "" : "nearest: " + base::join(near, ", ") + "; ",
                           names.empty() ? "none" : base::join(names, ", "))};
}

// Checks one wanted instance by itself; conflicts between instances are the search's task.
Result<Want> read_want(const Board& board, const DesiredInstance& instance) {
  const auto index = board.find(instance.profile);
  if (!index) {
    return lacks_profile(board, instance.profile, false);
  }
  const GpuInstanceProfile& profile = board.profiles()[*index];
  if (profile.placements.empty()) {
    return Error{
        ErrorCode::kPermission,
        fmt::format(
            "the driver does not say where {} may be on {}", profile.name.str(), board.name()),
        "it says so to root only: run this as root"};
  }
  std::vector<ProfileName> computes;
  for (const ProfileName& wanted : instance.compute_instances) {
    const auto* compute = find_compute_profile(profile, wanted);
    if (wanted.gpu_instance() != profile.name || compute == nullptr) {
      return lacks_profile(board, wanted, true);
    }
    computes.push_back(compute->name);
  }
  if (instance.placement &&
      std::find(profile.placements.begin(), profile.placements.end(), *instance.placement) ==
          profile.placements.end()) {
    return Error{ErrorCode::kNoCapacity,
                 fmt::format("{} cannot be at {} on {}",
                             profile.name.str(),
                             slots(*instance.placement),
                             board.name()),
                 "it can be at " + ranges(profile.placements)};
  }
  Want want{*index, {}, instance.placement, 1};
  for (std::size_t i = 0; i < computes.size(); ++i) {
    want.compute.push_back(
        {computes[i],
         i < instance.compute_placements.size() ? instance.compute_placements[i] : std::nullopt});
  }
  // Given placements keep their order: ids and MIG UUIDs follow the order of creation.
  if (instance.compute_placements.empty()) {
    std::sort(want.compute.begin(), want.compute.end(), std::greater<>());
  }
  if (!compute_change(board.gpu(), profile, want.compute, nullptr)) {
    std::vector<std::string> names;
    for (const WantedCompute& compute : want.compute) {
      names.push_back(compute.name.str() +
                      (compute.placement ? " at " + range(*compute.placement) : ""));
    }
    return Error{ErrorCode::kNoCapacity,
                 fmt::format("{} do not fit together inside one {} on {}",
                             base::join(names, " + "),
                             profile.name.str(),
                             board.name()),
                 fmt::format("it has {}", base::counted(profile.slices, "compute slice"))};
  }
  return want;
}

}  // namespace

Result<std::vector<Want>> read_wants(const Board& board, const DesiredGpu& desired) {
  std::vector<Want> wants;
  for (const DesiredInstance& instance : desired.instances) {
    MIG_ASSIGN_OR_RETURN(Want want, read_want(board, instance));
    const auto it = std::find_if(wants.begin(), wants.end(), [&](const Want& other) {
      return other.profile == want.profile && other.compute == want.compute &&
             other.fixed == want.fixed;
    });
    if (it == wants.end()) {
      wants.push_back(std::move(want));
    } else {
      ++it->count;
    }
  }
  return wants;
}

}  // namespace mig::planner
