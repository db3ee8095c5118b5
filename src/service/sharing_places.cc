// SPDX-License-Identifier: Apache-2.0
// Places of a comparison. Pure functions.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "service/compare_sharing.h"
#include "service/isolation_places.h"

namespace mig::service {
namespace {

using sharing::Way;
using sharing::WayReport;

bool is_free(const Spot& spot) {
  return spot.busy.empty();
}

// Of the ways in which all jobs are on one place: a whole GPU before an instance, and of those the
// largest.
const Spot* one_place(const std::vector<Spot>& spots, const std::optional<GpuIndex>& gpu) {
  const Spot* best = nullptr;
  for (const Spot& spot : spots) {
    if (!is_free(spot) || (gpu && spot.place.gpu != *gpu)) {
      continue;
    }
    // Instances come first, smallest first; of GPUs the first.
    if (best == nullptr || best->place.instance) {
      best = &spot;
    }
  }
  return best;
}

// Instances of one GPU and, where there are enough, of one profile; the largest.
std::vector<isolation::Place> apart(const std::vector<Spot>& spots,
                                    const SharingSelection& selection,
                                    const std::string& board) {
  const std::vector<Spot> largest_first(spots.rbegin(), spots.rend());
  const auto take = [&](const Spot& like, bool one_profile) {
    std::vector<isolation::Place> places;
    std::set<std::uint32_t> taken;
    for (const Spot& spot : largest_first) {
      if (is_free(spot) && spot.place.instance && spot.place.gpu == like.place.gpu &&
          (!one_profile || spot.profile == like.profile) && places.size() < selection.jobs &&
          taken.insert(spot.gpu_instance.value).second) {
        places.push_back(spot.place);
      }
    }
    std::reverse(places.begin(), places.end());
    return places;
  };
  for (const bool one_profile : {true, false}) {
    for (const Spot& spot : largest_first) {
      const bool named = !selection.profile || spot.profile == *selection.profile;
      if (!spot.place.instance || !is_free(spot) || !named || spot.place.board != board) {
        continue;
      }
      std::vector<isolation::Place> places = take(spot, one_profile || selection.profile);
      if (places.size() == selection.jobs) {
        return places;
      }
    }
  }
  return {};
}

std::string no_instances(const Inventory& inventory,
                         const SharingSelection& selection,
                         const std::string& board) {
  const bool divided =
      std::any_of(inventory.gpus.begin(), inventory.gpus.end(), [](const Gpu& gpu) {
        return gpu.mig_current == MigMode::kEnabled;
      });
  std::string why = fmt::format("not here: needs {} free GPU instances{} of one {}",
                                selection.jobs,
                                selection.profile ? " " + selection.profile->str() : "",
                                board.empty() ? "GPU" : board);
  return divided ? why : why + ", and no GPU is in MIG mode";
}

// What makes the places unlike, so that a reader does not compare what is not alike.
std::string note_of(const WayReport& way, const Spot* whole) {
  if (way.way != Way::kMig || whole == nullptr || way.places.empty()) {
    return whole != nullptr && whole->place.instance && way.way != Way::kMig
               ? "on an instance: no GPU without MIG is free"
               : "";
  }
  if (whole->place.instance) {
    return "each job on an instance of its own, the other ways on " + whole->place.label;
  }
  return whole->place.gpu == way.places.front().gpu ? "" : "on another GPU of the same board";
}

std::string busy_ones(const std::vector<Spot>& spots) {
  std::string why;
  for (const Spot& spot : spots) {
    if (!is_free(spot)) {
      why += fmt::format("; {}: {}", spot.place.label, spot.busy);
    }
  }
  return why;
}

}  // namespace

Result<std::vector<WayReport>> sharing_ways(const Inventory& inventory,
                                            const SharingSelection& selection) {
  PlaceSelection all;
  all.taken = selection.taken;
  const std::vector<Spot> spots = spots_of(inventory, all);
  if (spots.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "there is no instance, and no GPU without MIG",
                "migctl list shows what there is; migctl create makes instances");
  }
  const Spot* whole = one_place(spots, selection.gpu);
  const std::string board = whole == nullptr ? "" : whole->place.board;
  std::vector<WayReport> ways;
  bool any = false;
  for (const Way way : selection.ways) {
    WayReport report;
    report.way = way;
    if (way == Way::kMig) {
      report.places = apart(spots, selection, board);
      report.skipped = report.places.empty() ? no_instances(inventory, selection, board) : "";
    } else if (whole == nullptr) {
      report.skipped = "not here: needs a free GPU without MIG, or a free instance";
    } else {
      report.places = {whole->place};
    }
    report.note = note_of(report, whole);
    any = any || report.skipped.empty();
    ways.push_back(std::move(report));
  }
  if (!any) {
    const std::string why = busy_ones(spots);
    return fail(why.empty() ? ErrorCode::kNoCapacity : ErrorCode::kInUse,
                "no place for a comparison" + why,
                "migctl list shows what there is; migctl holders who is in the way");
  }
  return ways;
}

std::optional<std::uint64_t> largest_instance_mib(const Inventory& inventory, GpuIndex gpu) {
  const Gpu* found = inventory.find_gpu(gpu);
  std::optional<std::uint64_t> largest;
  for (const auto& profile :
       found == nullptr ? std::vector<GpuInstanceProfile>{} : found->profiles) {
    if (profile.slices < found->compute_slices) {
      largest = std::max(largest.value_or(0), profile.memory_mib);
    }
  }
  return largest;
}

}  // namespace mig::service
