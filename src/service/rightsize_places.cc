// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "launch/candidates.h"
#include "service/rightsize.h"

namespace mig::service {
namespace {

using rightsize::Size;

struct Found {
  RightsizePlaces places;
  std::string why;  // why there are none
};

double share_of(const std::vector<Size>& sizes, const std::string& profile) {
  const auto at = std::find_if(
      sizes.begin(), sizes.end(), [&](const Size& size) { return size.profile == profile; });
  return at == sizes.end() ? 0 : at->price_share + at->share.sm;
}

// Free instances that fill their GPU instance, one of each profile, on this GPU or another one of
// its model.
std::vector<RightsizePlace> instances(const Inventory& inventory,
                                      const Gpu& gpu,
                                      const RightsizeSelection& selection,
                                      std::string& why) {
  const std::vector<Size> sizes = rightsize::sizes_of(gpu);
  std::vector<RightsizePlace> places;
  std::set<std::string> seen;
  const auto found = launch::candidates(inventory, {});
  if (!found) {
    why = found.error().message;
    return places;
  }
  std::vector<launch::Candidate> sorted = *found;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
    return (a.instance.gpu == gpu.index) > (b.instance.gpu == gpu.index);
  });
  for (const launch::Candidate& candidate : sorted) {
    const Instance& at = candidate.instance;
    const Gpu* its = inventory.find_gpu(at.gpu);
    const bool here = at.gpu == gpu.index;
    if (its == nullptr || its->name != gpu.name || (selection.gpu && !here) ||
        !at.profile.full_size() || share_of(sizes, at.profile.str()) == 0) {
      continue;
    }
    const auto taken = selection.taken.find(at.uuid);
    std::string busy = candidate.busy;
    if (busy.empty() && taken != selection.taken.end()) {
      busy = taken->second;
    }
    if (!busy.empty()) {
      why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", at.str(), busy);
    } else if (seen.insert(at.profile.str()).second) {
      places.push_back({at.uuid,
                        at.str(),
                        at.profile.str(),
                        at.gpu,
                        at.gpu_instance,
                        !sizes.empty() && sizes.back().profile == at.profile.str()});
    }
  }
  std::sort(places.begin(), places.end(), [&](const RightsizePlace& a, const RightsizePlace& b) {
    return share_of(sizes, a.profile) < share_of(sizes, b.profile);
  });
  return places;
}

Found places_of(const Inventory& inventory, const Gpu& gpu, const RightsizeSelection& selection) {
  Found found;
  found.places.gpu = gpu;
  if (gpu.mig_current == MigMode::kEnabled) {
    if (selection.make) {
      if (!gpu.instances.empty() || !gpu.processes.empty()) {
        found.why = fmt::format("GPU {} has instances, so none are made there", gpu.index.value);
        return found;
      }
      found.places.make = true;
      for (const Size& size : rightsize::sizes_of(gpu)) {
        found.places.at.push_back({"",
                                   fmt::format("{} on GPU {}", size.profile, gpu.index.value),
                                   size.profile,
                                   gpu.index,
                                   std::nullopt,
                                   size.share == rightsize::Share{}});
      }
      return found;
    }
    found.places.at = instances(inventory, gpu, selection, found.why);
    if (found.places.at.empty() && found.why.empty()) {
      found.why = fmt::format("GPU {} has no instance", gpu.index.value);
    }
    return found;
  }
  if (!gpu.processes.empty()) {
    found.why = fmt::format("GPU {}: {}", gpu.index.value, name_of(gpu.processes.front()));
    return found;
  }
  found.places.at.push_back({gpu.uuid,
                             fmt::format("GPU {} ({})", gpu.index.value, gpu.name),
                             "",
                             gpu.index,
                             std::nullopt,
                             true});
  return found;
}

// The better choice has the whole GPU, then more places.
std::pair<int, std::size_t> rank(const RightsizePlaces& places) {
  return {!places.at.empty() && places.at.back().whole ? 1 : 0, places.at.size()};
}

}  // namespace

Result<RightsizePlaces> rightsize_places(const Inventory& inventory,
                                         const RightsizeSelection& selection) {
  std::optional<RightsizePlaces> best;
  std::string why;
  bool any = false;
  for (const Gpu& gpu : inventory.gpus) {
    if (selection.gpu && *selection.gpu != gpu.index) {
      continue;
    }
    any = true;
    Found found = places_of(inventory, gpu, selection);
    if (found.places.at.empty()) {
      why += (why.empty() ? "" : "; ") + found.why;
    } else if (!best || rank(found.places) > rank(*best)) {
      best = std::move(found.places);
    }
  }
  if (best) {
    return *best;
  }
  if (!any) {
    return inventory.or_lost({ErrorCode::kNothingMatched,
                              "there is no such GPU",
                              "migctl list shows what there is",
                              {},
                              {}});
  }
  return fail(ErrorCode::kInUse,
              "nothing is free to measure on: " + why,
              "a measurement would harm what runs there, and be harmed; migctl create makes "
              "instances, --create makes them for the measurement on a GPU that has none");
}

}  // namespace mig::service
