// SPDX-License-Identifier: Apache-2.0
#include "apply/migration.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "planner/planner.h"

namespace mig::apply {
namespace {

// Seven moves of seven places each would be more; nobody has room for so many beside what runs.
constexpr std::size_t kMostTries = 2000;

struct Place {
  GpuIndex gpu;
  Placement placement;
};

bool cross(Placement a, Placement b) {
  return a.start < b.end() && b.start < a.end();
}

DesiredInstance as_it_is(const GpuInstance& instance) {
  DesiredInstance out;
  out.profile = instance.name;
  out.placement = instance.placement;
  for (const ComputeInstance& compute : instance.compute_instances) {
    out.compute_instances.push_back(compute.name);
    out.compute_placements.push_back(compute.placement);
  }
  return out;
}

bool busy(const Gpu& gpu, const GpuInstance& instance) {
  return !gpu.processes_on(instance.id).empty();
}

class Search {
 public:
  Search(const Inventory& now, const DesiredLayout& desired) : now_(now), desired_(desired) {}

  Result<Migration> run(const Plan& blocked) {
    MIG_TRY(find_moves(blocked));
    chosen_.resize(migration_.moves.size());
    if (try_from(0))
      return std::move(migration_);
    std::vector<std::string> names;
    for (const Move& move : migration_.moves)
      names.push_back(fmt::format(
          "{} gi={} on GPU {}", move.from.name.str(), move.from.id.value, move.from_gpu.value));
    return fail(
        ErrorCode::kNoCapacity,
        fmt::format("cannot move {}: there is no place beside what runs for a successor "
                    "that the layout keeps",
                    base::join(names, ", ")),
        "keep room free for moves, or end what runs (--wait, --evict); nothing was changed");
  }

 private:
  Result<void> find_moves(const Plan& blocked) {
    for (const GpuPlan& gpu : blocked.gpus) {
      for (const Blocker& blocker : gpu.blockers) {
        const Gpu* there = now_.find_gpu(gpu.gpu);
        const GpuInstance* instance = there != nullptr && blocker.gpu_instance
                                          ? there->find_instance(*blocker.gpu_instance)
                                          : nullptr;
        if (instance == nullptr || blocker.stops != Blocker::Stops::kDestroy)
          return fail(ErrorCode::kInUse,
                      "no instance to move is in the way, but " + blocker.what,
                      "end it or wait for it (--wait)");
        const bool known =
            std::any_of(migration_.moves.begin(), migration_.moves.end(), [&](const Move& move) {
              return move.from_gpu == gpu.gpu && move.from.id == instance->id;
            });
        if (!known)
          migration_.moves.push_back({gpu.gpu, *instance, gpu.gpu, {}});
      }
    }
    return {};
  }

  // Its own GPU first: a successor elsewhere is a longer way for the work.
  std::vector<Place> places_for(const Move& move) const {
    std::vector<Place> places;
    for (const bool own : {true, false}) {
      for (const DesiredGpu& wanted : desired_.gpus) {
        const Gpu* gpu = now_.find_gpu(wanted.gpu);
        if (gpu == nullptr || (gpu->index == move.from_gpu) != own ||
            gpu->mig_current != MigMode::kEnabled || !wanted.mig_enabled)
          continue;
        const GpuInstanceProfile* profile = gpu->find_profile(move.from.name);
        for (const Placement p :
             profile != nullptr ? profile->placements : std::vector<Placement>())
          places.push_back({gpu->index, p});
      }
    }
    return places;
  }

  bool try_from(std::size_t index) {
    if (index == migration_.moves.size())
      return ++tries_ <= kMostTries && fits();
    for (const Place& place : places_for(migration_.moves[index])) {
      const Gpu& gpu = *now_.find_gpu(place.gpu);
      const bool taken =
          std::any_of(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& other) {
            return busy(gpu, other) && cross(other.placement, place.placement);
          });
      const bool twice =
          std::any_of(chosen_.begin(),
                      chosen_.begin() + static_cast<std::ptrdiff_t>(index),
                      [&](const Place& other) {
                        return other.gpu == place.gpu && cross(other.placement, place.placement);
                      });
      if (taken || twice)
        continue;
      chosen_[index] = place;
      if (try_from(index + 1))
        return true;
    }
    return false;
  }

  // The driver's rules decide, through the planner: the successors beside what is there, and then
  // the layout around them when the old ones are free.
  bool fits() {
    migration_.beside = layout_beside();
    const auto first = planner::plan(now_, migration_.beside, {});
    if (!first || first->blocked())
      return false;
    const auto then = planner::plan(moved(), desired_, {});
    if (!then || then->blocked())
      return false;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      migration_.moves[i].to_gpu = chosen_[i].gpu;
      migration_.moves[i].to = chosen_[i].placement;
    }
    return true;
  }

  bool makes_room(const Gpu& gpu, const GpuInstance& instance) const {
    return std::any_of(chosen_.begin(), chosen_.end(), [&](const Place& place) {
      return place.gpu == gpu.index && cross(place.placement, instance.placement);
    });
  }

  DesiredLayout layout_beside() const {
    DesiredLayout out;
    out.label = "room to move";
    for (const DesiredGpu& wanted : desired_.gpus) {
      const Gpu* gpu = now_.find_gpu(wanted.gpu);
      const bool concerned = std::any_of(chosen_.begin(), chosen_.end(), [&](const Place& place) {
        return gpu != nullptr && place.gpu == gpu->index;
      });
      if (!concerned)
        continue;
      DesiredGpu one;
      one.gpu = gpu->index;
      one.mig_enabled = true;
      for (const GpuInstance& instance : gpu->instances)
        if (busy(*gpu, instance) || !makes_room(*gpu, instance))
          one.instances.push_back(as_it_is(instance));
      for (std::size_t i = 0; i < chosen_.size(); ++i) {
        if (chosen_[i].gpu != gpu->index)
          continue;
        one.instances.push_back(as_it_is(migration_.moves[i].from));
        one.instances.back().placement = chosen_[i].placement;
      }
      out.gpus.push_back(std::move(one));
    }
    return out;
  }

  // The machine when the work has gone over: successors busy, those before them idle.
  Inventory moved() const {
    Inventory then = now_;
    std::uint32_t next_id = 1000;  // beyond what drivers give
    for (Gpu& gpu : then.gpus) {
      const Gpu& was = *now_.find_gpu(gpu.index);
      std::erase_if(gpu.instances, [&](const GpuInstance& instance) {
        return !busy(was, instance) && makes_room(gpu, instance);
      });
      for (std::size_t i = 0; i < chosen_.size(); ++i) {
        const Move& move = migration_.moves[i];
        if (move.from_gpu == gpu.index)
          std::erase_if(gpu.processes,
                        [&](const Process& p) { return p.gpu_instance == move.from.id; });
        if (chosen_[i].gpu != gpu.index)
          continue;
        GpuInstance successor = move.from;
        successor.id = GpuInstanceId{next_id++};
        successor.placement = chosen_[i].placement;
        Process work;
        work.pid = 1;
        work.gpu_instance = successor.id;
        gpu.processes.push_back(std::move(work));
        gpu.instances.push_back(std::move(successor));
      }
    }
    return then;
  }

  const Inventory& now_;
  const DesiredLayout& desired_;
  Migration migration_;
  std::vector<Place> chosen_;
  std::size_t tries_ = 0;
};

}  // namespace

Result<Migration> plan_migration(const Inventory& now,
                                 const DesiredLayout& desired,
                                 const Plan& blocked) {
  return Search(now, desired).run(blocked);
}

}  // namespace mig::apply
