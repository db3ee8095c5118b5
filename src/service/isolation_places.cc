// SPDX-License-Identifier: Apache-2.0
#include "service/isolation_places.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/candidates.h"

namespace mig::service {
namespace {

using isolation::ModeReport;
using isolation::Place;
using isolation::Sharing;

std::string taken_by(const PlaceSelection& selection, const std::string& uuid) {
  const auto found = selection.taken.find(uuid);
  return found == selection.taken.end() ? std::string() : found->second;
}

std::vector<Spot> instances(const Inventory& inventory, const PlaceSelection& selection) {
  Need wanted;
  wanted.gpu = selection.gpu;
  wanted.profile = selection.profile;
  std::vector<Spot> spots;
  const auto found = launch::candidates(inventory, wanted);
  if (!found) {
    return spots;
  }
  for (const launch::Candidate& candidate : *found) {
    const Instance& at = candidate.instance;
    const Gpu* gpu = inventory.find_gpu(at.gpu);
    Spot spot{{at.uuid, at.str(), at.gpu, true, gpu == nullptr ? "" : gpu->name},
              at.profile,
              at.gpu_instance,
              candidate.busy};
    if (spot.busy.empty()) {
      spot.busy = taken_by(selection, at.uuid);
    }
    spots.push_back(std::move(spot));
  }
  return spots;
}

std::vector<Spot> whole_gpus(const Inventory& inventory, const PlaceSelection& selection) {
  std::vector<Spot> spots;
  for (const Gpu& gpu : inventory.gpus) {
    if (gpu.mig_current == MigMode::kEnabled || selection.profile ||
        (selection.gpu && *selection.gpu != gpu.index)) {
      continue;
    }
    Spot spot;
    spot.place = {gpu.uuid,
                  fmt::format("GPU {} ({})", gpu.index.value, gpu.name),
                  gpu.index,
                  false,
                  gpu.name};
    if (!gpu.processes.empty()) {
      spot.busy = fmt::format("pid {} ({})", gpu.processes.front().pid, gpu.processes.front().name);
    }
    spots.push_back(std::move(spot));
  }
  return spots;
}

bool named(const PlaceSelection& selection, std::size_t which, const Spot& spot) {
  return selection.uuids.size() <= which || selection.uuids[which] == spot.place.uuid;
}

bool fits(Sharing way, const Spot& victim, const Spot& neighbour) {
  const bool instances = victim.place.instance && neighbour.place.instance &&
                         victim.place.gpu == neighbour.place.gpu &&
                         victim.place.uuid != neighbour.place.uuid;
  if (way == Sharing::kMig) {
    return instances && victim.gpu_instance != neighbour.gpu_instance;
  }
  if (way == Sharing::kComputeInstances) {
    return instances && victim.gpu_instance == neighbour.gpu_instance;
  }
  return victim.place.uuid == neighbour.place.uuid;
}

const char* needs(Sharing way) {
  if (way == Sharing::kMig) {
    return "needs two free instances on different GPU instances of one GPU";
  }
  if (way == Sharing::kComputeInstances) {
    return "needs two free compute instances of one GPU instance";
  }
  return "needs a free instance, or a free GPU without MIG";
}

bool on_one_place(Sharing way) {
  return way != Sharing::kMig && way != Sharing::kComputeInstances;
}

ModeReport mode_of(Sharing way,
                   const std::vector<Spot>& spots,
                   const PlaceSelection& selection,
                   const std::string& victim_before) {
  ModeReport mode;
  mode.sharing = way;
  mode.skipped = needs(way);
  int best = -1;
  for (const Spot& victim : spots) {
    if (!victim.busy.empty() || !named(selection, 0, victim)) {
      continue;
    }
    for (const Spot& neighbour : spots) {
      const bool second_named = on_one_place(way) || named(selection, 1, neighbour);
      if (!neighbour.busy.empty() || !second_named || !fits(way, victim, neighbour)) {
        continue;
      }
      // Prefer the same victim for all modes, so that the ways of sharing are comparable.
      const int score = (victim.place.uuid == victim_before ? 2 : 0) +
                        (victim.profile == neighbour.profile ? 1 : 0);
      if (score > best) {
        best = score;
        mode.skipped.clear();
        mode.victim = victim.place;
        mode.neighbour = neighbour.place;
      }
    }
  }
  return mode;
}

Result<void> check_named(const std::vector<Spot>& spots, const PlaceSelection& selection) {
  if (spots.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "there is no instance, and no GPU without MIG, of what was asked for",
                "migctl list shows what there is; migctl create makes instances");
  }
  for (const std::string& uuid : selection.uuids) {
    const auto spot = std::find_if(
        spots.begin(), spots.end(), [&](const Spot& one) { return one.place.uuid == uuid; });
    if (spot == spots.end()) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("no instance and no GPU without MIG is {}", base::quoted(uuid)),
                  "migctl list shows the UUIDs");
    }
    if (!spot->busy.empty()) {
      return fail(ErrorCode::kInUse,
                  fmt::format("{} is in use: {}", spot->place.label, spot->busy),
                  "an isolation test would harm what runs there: name another");
    }
  }
  return {};
}

}  // namespace

std::vector<Spot> spots_of(const Inventory& inventory, const PlaceSelection& selection) {
  std::vector<Spot> spots = instances(inventory, selection);
  for (Spot& gpu : whole_gpus(inventory, selection)) {
    spots.push_back(std::move(gpu));
  }
  return spots;
}

Result<std::vector<ModeReport>> isolation_modes(const Inventory& inventory,
                                                const PlaceSelection& selection,
                                                const std::vector<Sharing>& ways) {
  const std::vector<Spot> spots = spots_of(inventory, selection);
  MIG_TRY(check_named(spots, selection));
  std::vector<ModeReport> modes;
  std::string victim;
  for (const Sharing way : ways) {
    modes.push_back(mode_of(way, spots, selection, victim));
    if (victim.empty() && modes.back().skipped.empty()) {
      victim = modes.back().victim.uuid;
    }
  }
  if (!victim.empty() || modes.empty()) {
    return modes;
  }
  std::string why;
  for (const Spot& spot : spots) {
    if (!spot.busy.empty()) {
      why += fmt::format("; {}: {}", spot.place.label, spot.busy);
    }
  }
  return fail(why.empty() ? ErrorCode::kNoCapacity : ErrorCode::kInUse,
              fmt::format("no place for an isolation test: {} {}{}",
                          name_of(modes.front().sharing),
                          modes.front().skipped,
                          why),
              "migctl list shows what there is; migctl create makes instances");
}

}  // namespace mig::service
