// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/order.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

using planner::Board;
using planner::Load;
using planner::Placed;

constexpr std::uint64_t kNotNow = std::numeric_limits<std::uint32_t>::max();

struct Pick {
  Device* device = nullptr;
  std::size_t cost = 0;  // placements lost by its use
  std::size_t room = 0;  // placements left
};

// What is on a GPU now, and what claims are about to put there.
Load load_of(const Board& board, const SliceInput& input) {
  Load load = board.empty();
  const Gpu& gpu = board.gpu();
  for (const GpuInstance& instance : gpu.instances) {
    if (const auto profile = board.find(instance.name)) {
      board.add(load, {*profile, instance.placement});
    } else {
      Board::occupy(load, instance.placement);
    }
  }
  for (std::size_t i = 0; i < gpu.profiles.size(); ++i) {
    for (const Placement place : gpu.profiles[i].placements) {
      if (input.held.contains(device_name(gpu, gpu.profiles[i].name, place.start)) &&
          board.fits(load, {i, place})) {
        board.add(load, {i, place});
      }
    }
  }
  return load;
}

// The devices of one profile on one GPU as picks, the cheapest first, each after those before it.
std::vector<Pick> picks_on(const Board& board, Load load, std::vector<Device*> devices) {
  std::vector<Pick> picks;
  const auto profile = static_cast<std::size_t>(devices[0]->profile - board.profiles().data());
  std::size_t room = board.room(load);
  while (true) {
    Pick best;
    for (Device* device : devices) {
      const Placed placed{profile, device->placement};
      if (!board.fits(load, placed)) {
        continue;
      }
      board.add(load, placed);
      const std::size_t left = board.room(load);
      board.remove(load, placed);
      if (best.device == nullptr || left > best.room) {
        best = {device, room - left, left};
      }
    }
    if (best.device == nullptr) {
      return picks;
    }
    board.add(load, {profile, best.device->placement});
    room = best.room;
    devices.erase(std::find(devices.begin(), devices.end(), best.device));
    picks.push_back(best);
  }
}

// One profile over all GPUs: always the GPU whose next pick is the cheapest; among equals the one
// with the least room left, so that whole GPUs stay whole; then the lower number.
void merge(std::vector<std::vector<Pick>>& of_gpus) {
  std::vector<std::size_t> next(of_gpus.size(), 0);
  for (std::uint64_t rank = 1;; ++rank) {
    std::optional<std::size_t> best;
    const auto key = [&](std::size_t g) {
      const Pick& pick = of_gpus[g][next[g]];
      return std::tuple(pick.cost, pick.room);
    };
    for (std::size_t g = 0; g < of_gpus.size(); ++g) {
      if (next[g] < of_gpus[g].size() && (!best || key(g) < key(*best))) {
        best = g;
      }
    }
    if (!best) {
      return;
    }
    of_gpus[*best][next[*best]++].device->rank = rank;
  }
}

}  // namespace

void rank_devices(std::vector<Device*>& devices, const SliceInput& input) {
  using OfProfile = std::vector<std::pair<const Gpu*, std::vector<Device*>>>;
  std::map<ProfileName, OfProfile> profiles;
  for (Device* device : devices) {
    device->rank = device->is_static ? 0 : kNotNow;
    if (device->is_static) {
      continue;
    }
    OfProfile& of = profiles[device->profile->name];
    if (of.empty() || of.back().first != device->gpu) {
      of.emplace_back(device->gpu, std::vector<Device*>());
    }
    of.back().second.push_back(device);
  }
  std::map<const Gpu*, std::pair<Board, Load>> boards;
  for (auto& [name, of] : profiles) {
    std::vector<std::vector<Pick>> picks;
    for (auto& [gpu, list] : of) {
      auto found = boards.find(gpu);
      if (found == boards.end()) {
        const Board board(*gpu);
        found = boards.emplace(gpu, std::pair(board, load_of(board, input))).first;
      }
      picks.push_back(picks_on(found->second.first, found->second.second, std::move(list)));
    }
    merge(picks);
  }
}

}  // namespace mig::kube
