// SPDX-License-Identifier: Apache-2.0
#include "apply/migration.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "apply/move_search.h"
#include "base/strings.h"

namespace mig::apply {
namespace {

// Error when a blocker is not an instance, so that no successor could take its work.
Result<void> only_instances(const Inventory& now, const Plan& blocked) {
  for (const GpuPlan& gpu : blocked.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      const Gpu* there = now.find_gpu(gpu.gpu);
      const bool instance = there != nullptr && blocker.gpu_instance &&
                            there->find_instance(*blocker.gpu_instance) != nullptr;
      if (!instance || blocker.stops != Blocker::Stops::kDestroy) {
        return fail(ErrorCode::kInUse,
                    "no instance to move is in the way, but " + blocker.what,
                    "end it or wait for it (--wait)");
      }
    }
  }
  return {};
}

std::string names(const std::vector<Move>& moves) {
  std::vector<std::string> out;
  out.reserve(moves.size());
  for (const Move& move : moves) {
    out.push_back(fmt::format(
        "{} gi={} on GPU {}", move.from.name.str(), move.from.id.value, move.from_gpu.value));
  }
  return base::join(out, ", ");
}

// Busy instances that block the plan: one of the smallest sets.
std::vector<Move> in_the_way(const Inventory& now, const Plan& blocked) {
  std::vector<Move> out;
  for (const GpuPlan& gpu : blocked.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      const bool known = std::any_of(out.begin(), out.end(), [&](const Move& move) {
        return move.from_gpu == gpu.gpu && move.from.id == blocker.gpu_instance;
      });
      if (!known) {
        out.push_back(
            {gpu.gpu, *now.find_gpu(gpu.gpu)->find_instance(*blocker.gpu_instance), gpu.gpu, {}});
      }
    }
  }
  return out;
}

// Work moves only to an instance of equal shape in the layout: error text when there are too few;
// "" = enough.
std::string too_few(const Inventory& now, const DesiredLayout& desired) {
  std::map<std::string, std::pair<std::size_t, std::size_t>> counts;  // running, wanted
  for (const DesiredGpu& wanted : desired.gpus) {
    const Gpu& gpu = *now.find_gpu(wanted.gpu);
    for (const GpuInstance& instance : gpu.instances) {
      counts[instance.name.str()].first += gpu.in_use(instance.id) ? 1 : 0;
    }
    for (const DesiredInstance& instance : wanted.instances) {
      ++counts[instance.profile.str()].second;
    }
  }
  for (const auto& [name, count] : counts) {
    if (count.first > count.second) {
      return fmt::format("{} of {} are in use and the layout has {}",
                         base::counted(count.first, "instance"),
                         name,
                         count.second);
    }
  }
  return {};
}

}  // namespace

Result<Migration> plan_migration(const Inventory& now,
                                 const DesiredLayout& desired,
                                 const Plan& blocked,
                                 std::size_t most_looks) {
  constexpr const char* kHint =
      "keep room free for moves, or end what runs (--wait, --evict); nothing was changed";
  MIG_TRY(only_instances(now, blocked));
  const std::string way = names(in_the_way(now, blocked));
  if (const std::string why = too_few(now, desired); !why.empty()) {
    return fail(ErrorCode::kNoCapacity,
                fmt::format("cannot move {}: {}, so there is nothing to move to", way, why),
                kHint);
  }
  MoveSearch search(now, desired, most_looks);
  if (auto found = search.run()) {
    return *std::move(found);
  }
  if (!search.complete()) {
    return fail(ErrorCode::kNoCapacity,
                fmt::format("cannot move {}: no way was found within the {} looks at which the "
                            "search ends; there may be one",
                            way,
                            most_looks),
                "end some of what runs (--wait, --evict), or go by a layout between; nothing was "
                "changed");
  }
  return fail(ErrorCode::kNoCapacity,
              fmt::format("cannot move {}, nor others instead: there is no place beside what runs "
                          "for a successor that the layout keeps{}",
                          way,
                          search.immovable().empty()
                              ? std::string()
                              : "; no place at all for one of " + names(search.immovable())),
              kHint);
}

}  // namespace mig::apply
