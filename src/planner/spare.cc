// SPDX-License-Identifier: Apache-2.0
#include "planner/spare.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "planner/spare_ways.h"
#include "planner/wants.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

std::vector<SpareRoom> merged(const std::vector<SpareRoom>& spare) {
  std::vector<SpareRoom> out;
  for (const SpareRoom& room : spare) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const SpareRoom& other) {
      return other.profile == room.profile;
    });
    if (same == out.end()) {
      out.push_back(room);
    } else {
      same->count += room.count;
    }
  }
  return out;
}

Result<std::vector<RoomyGpu>> roomy_gpus(const Inventory& inventory, const DesiredLayout& desired) {
  std::vector<RoomyGpu> out;
  for (const Gpu& gpu : inventory.gpus) {
    const bool on = gpu.mig_current == MigMode::kEnabled;
    const auto wanted =
        std::find_if(desired.gpus.begin(), desired.gpus.end(), [&](const DesiredGpu& other) {
          return other.gpu == gpu.index;
        });
    const bool changes = wanted != desired.gpus.end();
    // Instances that the driver hides may occupy any slot.
    if (changes ? !wanted->mig_enabled : !on || !gpu.instances_complete) {
      continue;
    }
    RoomyGpu roomy{Board(gpu), changes, {}, {}};
    if (changes) {
      MIG_ASSIGN_OR_RETURN(roomy.wants, read_wants(roomy.board, *wanted));
    }
    if (on) {
      roomy.existing = existing_on(roomy.board);
    }
    out.push_back(std::move(roomy));
  }
  return out;
}

Amounts all_of(const std::vector<SpareRoom>& spare) {
  Amounts out;
  for (const SpareRoom& room : spare) {
    out.push_back(room.count);
  }
  return out;
}

std::string spare_words(const std::vector<SpareRoom>& spare, const Amounts& amounts) {
  std::vector<std::pair<std::string, std::size_t>> names;
  for (std::size_t i = 0; i < spare.size(); ++i) {
    names.emplace_back(spare[i].profile.str(), amounts[i]);
  }
  return multiset(names);
}

// The amounts with the largest sum; of equal sums the first in the list.
Amounts largest_of(const SpareWays& ways) {
  const auto sum = [](const Amounts& amounts) {
    std::uint64_t total = 0;
    for (const std::uint32_t n : amounts) {
      total += n;
    }
    return total;
  };
  Amounts best;
  for (const auto& [amounts, way] : ways) {
    if (best.empty() || sum(amounts) >= sum(best)) {
      best = amounts;
    }
  }
  return best;
}

// Occupants of a GPU after the change, busy ones by name: "GPU 0: 3g.20gb gi=1 (pid 4121 python)
// holds slots 0-3, 2 x 1g.5gb".
std::string occupants(const Gpu& gpu, const Plan& plain) {
  std::vector<std::string> parts;
  std::map<std::string, std::size_t> idle;
  const auto in_plan = std::find_if(plain.gpus.begin(),
                                    plain.gpus.end(),
                                    [&](const GpuPlan& other) { return other.gpu == gpu.index; });
  const auto add_instance = [&](const GpuInstance& instance, bool stays) {
    if (stays && is_busy(gpu, instance)) {
      parts.push_back(holds(gpu, instance));
    } else if (stays) {
      ++idle[instance.name.str()];
    }
  };
  for (const GpuInstance& instance : gpu.instances) {
    const auto is_it = [&](const LayoutCell& cell) {
      return cell.placement == instance.placement && cell.profile == instance.name;
    };
    add_instance(instance,
                 in_plan == plain.gpus.end() ||
                     std::any_of(in_plan->kept.begin(), in_plan->kept.end(), is_it));
  }
  if (in_plan != plain.gpus.end()) {
    for (const LayoutCell& cell : in_plan->created) {
      ++idle[cell.profile.str()];
    }
  }
  if (!idle.empty()) {
    parts.push_back(multiset({idle.begin(), idle.end()}));
  }
  return fmt::format(
      "GPU {}: {}", gpu.index.value, parts.empty() ? "nothing" : base::join(parts, ", "));
}

Error no_room(const std::vector<RoomyGpu>& gpus,
              const std::vector<SpareRoom>& spare,
              const SpareWays& ways,
              bool without_the_busy,
              const Plan& plain) {
  constexpr std::size_t kNamedGpus = 4;
  std::vector<std::string> who;
  std::size_t having = 0;
  for (const RoomyGpu& gpu : gpus) {
    const bool has = std::any_of(spare.begin(), spare.end(), [&](const SpareRoom& room) {
      return gpu.board.find(room.profile).has_value();
    });
    having += has ? 1 : 0;
    if (has && who.size() < kNamedGpus) {
      who.push_back(occupants(gpu.board.gpu(), plain));
    }
  }
  const std::string asked = spare_words(spare, all_of(spare));
  if (having == 0) {
    return Error{
        ErrorCode::kNoCapacity,
        fmt::format("cannot keep room for {}: no GPU with such a profile has MIG on after this "
                    "change",
                    asked),
        "turn MIG on on one more GPU, or ask for no such room"};
  }
  if (having > who.size()) {
    who.push_back(base::counted(having - who.size(), "more GPU"));
  }
  return Error{ErrorCode::kNoCapacity,
               fmt::format("cannot keep room for {}: beside what is there after this change, {} "
                           "would still fit; {}",
                           asked,
                           spare_words(spare, largest_of(ways)),
                           base::join(who, "; ")),
               without_the_busy
                   ? "it would fit if what runs could move: end it or wait for its end, or keep "
                     "less room"
                   : "keep less room, or leave an instance out of the layout"};
}

Result<void> check_known(const Inventory& inventory, const std::vector<SpareRoom>& spare) {
  for (const SpareRoom& room : spare) {
    std::vector<std::string> names;
    for (const Gpu& gpu : inventory.gpus) {
      for (const GpuInstanceProfile& profile : gpu.profiles) {
        names.push_back(profile.name.str());
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (std::find(names.begin(), names.end(), room.profile.str()) == names.end()) {
      const auto near = base::nearest(room.profile.str(), names);
      return Error{
          ErrorCode::kNotSupported,
          fmt::format("cannot keep room for {}: no GPU of this machine has that profile",
                      room.profile.str()),
          near.empty() ? "migctl profiles lists them" : "nearest: " + base::join(near, ", ")};
    }
  }
  return {};
}

}  // namespace

Result<SpareShares> share_spare(const Inventory& inventory,
                                const DesiredLayout& desired,
                                bool keep_busy,
                                const Plan& plain) {
  const std::vector<SpareRoom> spare = merged(desired.spare);
  MIG_TRY(check_known(inventory, spare));
  MIG_ASSIGN_OR_RETURN(const std::vector<RoomyGpu> gpus, roomy_gpus(inventory, desired));
  const SpareWays ways = spare_ways(gpus, spare, keep_busy);
  const auto way = ways.find(all_of(spare));
  if (way == ways.end()) {
    const bool without_the_busy =
        keep_busy && spare_ways(gpus, spare, false).count(all_of(spare)) > 0;
    return no_room(gpus, spare, ways, without_the_busy, plain);
  }
  SpareShares shares;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    auto profiles = spare_on(gpus[i].board, spare, way->second.by_gpu[i]);
    if (profiles && !profiles->empty()) {
      shares[gpus[i].board.gpu().index] = std::move(*profiles);
    }
  }
  return shares;
}

std::vector<KeptRoom> kept_room(const Inventory& inventory,
                                const Plan& plan,
                                const SpareShares& shares) {
  std::vector<KeptRoom> out;
  for (const auto& [index, profiles] : shares) {
    const Board board(*inventory.find_gpu(index));
    const auto changed =
        std::find_if(plan.gpus.begin(), plan.gpus.end(), [index = index](const GpuPlan& gpu) {
          return gpu.gpu == index;
        });
    Load load = changed == plan.gpus.end() ? load_of_existing(board) : board.empty();
    if (changed != plan.gpus.end()) {
      for (const LayoutCell& cell : changed->after.cells) {
        board.add(load, {board.find(cell.profile).value_or(0), cell.placement});
      }
    }
    const auto layout = board.fit_beside(load, profiles);
    for (const Placed& placed : layout.value_or(Layout())) {
      out.push_back({index, board.profiles()[placed.profile].name, placed.placement});
    }
  }
  return out;
}

}  // namespace mig::planner
