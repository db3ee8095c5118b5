// SPDX-License-Identifier: Apache-2.0
#include "planner/proof.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

#include "base/strings.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

const std::vector<Existing> kEmptyGpu;

bool possible(const Board& board, const std::vector<Want>& wants) {
  return best_assignment({board, wants, kEmptyGpu}).has_value();
}

std::vector<std::size_t> counts_of(const Board& board, const std::vector<Want>& wants) {
  std::vector<std::size_t> counts(board.profiles().size());
  for (const Want& want : wants) {
    counts[want.profile] += want.count;
  }
  return counts;
}

std::string named(const Board& board, const std::vector<std::size_t>& counts) {
  std::vector<std::pair<std::string, std::size_t>> names;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    names.emplace_back(board.profiles()[i].name.str(), counts[i]);
  }
  return multiset(names);
}

// Takes instances away one by one while it stays impossible: what is left cannot do without any.
std::vector<Want> smallest_impossible(const Board& board, std::vector<Want> wants) {
  for (Want& want : wants) {
    want.count = std::min(want.count, board.profiles()[want.profile].max_count + 1);
  }
  for (Want& want : wants) {
    while (want.count > 0) {
      --want.count;
      if (possible(board, wants)) {
        ++want.count;
        break;
      }
    }
  }
  return wants;
}

std::string where_it_can_be(const GpuInstanceProfile& profile) {
  const std::size_t count = profile.placements.size();
  return fmt::format("{} has {} ({})",
                     profile.name.str(),
                     base::counted(count, "legal placement"),
                     ranges(profile.placements));
}

// The sum of a resource over the core, when it is more than there is.
std::string over_the_sum(const Board& board, const std::vector<std::size_t>& counts) {
  std::size_t memory = 0;
  std::size_t compute = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const GpuInstanceProfile& profile = board.profiles()[i];
    memory += counts[i] * (profile.placements.empty() ? 0 : profile.placements[0].size);
    compute += counts[i] * profile.slices;
  }
  if (memory > board.gpu().memory_slices) {
    return fmt::format("{} need {} memory slots and the GPU has {}",
                       named(board, counts),
                       memory,
                       board.gpu().memory_slices);
  }
  if (compute > board.gpu().compute_slices) {
    return fmt::format("{} need {} compute slices and the GPU has {}",
                       named(board, counts),
                       compute,
                       board.gpu().compute_slices);
  }
  return {};
}

std::string one_profile(const GpuInstanceProfile& profile, std::size_t fit) {
  if (profile.max_count == fit && profile.placements.size() > fit) {
    return fmt::format("of {} the driver allows at most {} on this GPU", profile.name.str(), fit);
  }
  return fmt::format("{}; at most {} fit{}", where_it_can_be(profile), fit, fit == 1 ? "s" : "");
}

std::string together(const Board& board, const std::vector<Want>& core) {
  std::vector<std::string> places;
  std::size_t extensions = 0;
  bool all_media = false;
  for (const Want& want : core) {
    if (want.count == 0) {
      continue;
    }
    const GpuInstanceProfile& profile = board.profiles()[want.profile];
    places.push_back(want.fixed
                         ? fmt::format("{} is wanted at {}", profile.name.str(), slots(*want.fixed))
                         : where_it_can_be(profile));
    Load load = board.empty();
    board.add(load, {want.profile, {}});
    extensions += std::size_t{load.extensions} * want.count;
    all_media = all_media || load.all_media > 0;
  }
  const std::string core_names = named(board, counts_of(board, core));
  if (extensions > 1) {
    return fmt::format("{}: only one instance of a GPU can have the media extension (+me)",
                       core_names);
  }
  if (all_media) {
    return fmt::format(
        "{}: the instance with +me.all has all media engines of the GPU, so the "
        "others must be without (-me)",
        core_names);
  }
  return fmt::format("{} always overlap: {}", core_names, base::join(places, "; "));
}

std::string proof(const Board& board, const std::vector<Want>& wants) {
  const std::vector<Want> core = smallest_impossible(board, wants);
  const std::vector<std::size_t> counts = counts_of(board, core);
  const auto kinds =
      std::count_if(counts.begin(), counts.end(), [](std::size_t n) { return n > 0; });
  const auto of_one = static_cast<std::size_t>(
      std::find_if(counts.begin(), counts.end(), [](std::size_t n) { return n > 0; }) -
      counts.begin());
  const bool fixed = std::any_of(
      core.begin(), core.end(), [](const Want& want) { return want.count > 0 && want.fixed; });
  if (kinds == 1 && !fixed) {
    return one_profile(board.profiles()[of_one], counts[of_one] - 1);
  }
  const std::string sum = over_the_sum(board, counts);
  return sum.empty() ? together(board, core) : sum;
}

// The fewest busy instances without which it would work, by the same exhaustive search: its first
// cost is how many of them it disturbs.
std::vector<const GpuInstance*> in_the_way(const SearchInput& input) {
  const auto without = best_assignment({input.board, input.wants, input.existing, false});
  std::vector<const GpuInstance*> names;
  for (const Existing& existing : input.existing) {
    const auto gone = [&] {
      return std::find(without->gone.begin(), without->gone.end(), existing.instance) !=
             without->gone.end();
    };
    const auto changed_inside = [&] {
      return std::any_of(without->seats.begin(), without->seats.end(), [&](const Seat& seat) {
        return seat.kept == existing.instance && seat.compute.busy_destroyed > 0;
      });
    };
    if (without && existing.busy && (gone() || changed_inside())) {
      names.push_back(existing.instance);
    }
  }
  return names;
}

Error in_use(const SearchInput& input, const std::string& wanted) {
  std::vector<std::string> blockers;
  std::vector<std::string> missing;
  const auto counts = counts_of(input.board, input.wants);
  for (const GpuInstance* instance : in_the_way(input)) {
    blockers.push_back(holds(input.board.gpu(), *instance));
    const auto profile = input.board.find(instance->profile_id);
    if (!profile || counts[*profile] == 0) {
      missing.push_back(instance->name.str());
    }
  }
  std::string message =
      fmt::format("cannot place {} on {} around what runs there: it fits an empty GPU, but {}",
                  wanted,
                  input.board.name(),
                  base::join(blockers, "; "));
  if (!missing.empty()) {
    message += fmt::format(" and the layout has no {}", base::join(missing, ", "));
  }
  const std::string part = named(input.board, largest_part(input));
  return Error{ErrorCode::kInUse,
               std::move(message),
               fmt::format("with what runs kept, {} fit; or wait for it to end, or stop it", part)};
}

}  // namespace

std::vector<std::size_t> largest_part(const SearchInput& input) {
  const Board& board = input.board;
  const std::vector<std::size_t> wanted = counts_of(board, input.wants);
  Layout pinned;
  std::vector<std::size_t> allowed = wanted;
  for (const Existing& existing : input.existing) {
    if (existing.busy && input.pin_busy && existing.profile) {
      pinned.push_back({*existing.profile, existing.instance->placement});
    }
  }
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    const auto busy = std::count_if(
        pinned.begin(), pinned.end(), [&](const Placed& placed) { return placed.profile == i; });
    allowed[i] = std::max(allowed[i], static_cast<std::size_t>(busy));
  }
  std::vector<std::size_t> best(allowed.size());
  std::tuple<std::size_t, std::size_t> best_score{};
  for (const Layout& layout : all_states(board)) {
    std::vector<std::size_t> counts(allowed.size());
    std::size_t memory = 0;
    for (const Placed& placed : layout) {
      ++counts[placed.profile];
      memory += placed.placement.size;
    }
    const bool part =
        std::equal(counts.begin(), counts.end(), allowed.begin(), std::less_equal<>());
    const bool keeps = std::all_of(pinned.begin(), pinned.end(), [&](const Placed& placed) {
      return std::find(layout.begin(), layout.end(), placed) != layout.end();
    });
    if (part && keeps && std::tuple(layout.size(), memory) > best_score) {
      best_score = {layout.size(), memory};
      best = counts;
    }
  }
  return best;
}

Error why_not(const SearchInput& input) {
  const Board& board = input.board;
  const std::string wanted = named(board, counts_of(board, input.wants));
  if (possible(board, input.wants)) {
    return in_use(input, wanted);
  }
  const std::string part = named(board, largest_part({board, input.wants, kEmptyGpu}));
  return Error{
      ErrorCode::kNoCapacity,
      fmt::format("cannot place {} on {}: {}", wanted, board.name(), proof(board, input.wants)),
      fmt::format("of these, {} would fit", part)};
}

}  // namespace mig::planner
