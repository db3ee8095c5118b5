// SPDX-License-Identifier: Apache-2.0
#include "planner/proof.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "planner/part.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

const std::vector<Existing> kEmptyGpu;

bool possible(const Board& board, const std::vector<Piece>& pieces) {
  std::vector<Want> wants;
  wants.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    wants.push_back(piece.want);
  }
  return best_assignment({board, wants, kEmptyGpu}).has_value();
}

std::vector<std::size_t> counts_of(const Board& board, const std::vector<Piece>& pieces) {
  std::vector<std::size_t> counts(board.profiles().size());
  for (const Piece& piece : pieces) {
    counts[piece.want.profile] += piece.want.count;
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

// A want for messages: "3g.20gb", "1c.3g.20gb", "3g.20gb (1c.3g.20gb + 2c.3g.20gb)".
std::string shape(const Board& board, const Want& want) {
  const std::string name = board.profiles()[want.profile].name.str();
  if (want.compute.empty()) {
    return name + " without compute instances";
  }
  if (want.compute.size() == 1) {
    return want.compute[0].name.full_size() ? name : want.compute[0].name.str();
  }
  std::vector<std::string> inside;
  for (const WantedCompute& compute : want.compute) {
    inside.push_back(compute.name.str());
  }
  return fmt::format("{} ({})", name, base::join(inside, " + "));
}

// A piece for messages, with its given placement, and its id when it exists there.
std::string word(const Board& board, const Piece& piece, bool places) {
  std::string text = shape(board, piece.want);
  if (places && piece.there != nullptr) {
    text += fmt::format(" gi={}", piece.there->id.value);
  }
  if (places && piece.want.fixed && !piece.runs) {
    text += " at " + slots(*piece.want.fixed);
  }
  return text;
}

std::vector<Piece> by_profile(std::vector<Piece> pieces) {
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return a.want.profile < b.want.profile;
  });
  std::erase_if(pieces, [](const Piece& piece) { return piece.want.count == 0; });
  return pieces;
}

std::string words(const Board& board, const std::vector<Piece>& pieces, bool places = true) {
  std::vector<std::pair<std::string, std::size_t>> names;
  for (const Piece& piece : by_profile(pieces)) {
    const std::string text = word(board, piece, places);
    if (!names.empty() && names.back().first == text) {
      names.back().second += piece.want.count;
    } else {
      names.emplace_back(text, piece.want.count);
    }
  }
  return multiset(names);
}

// A minimal unsatisfiable subset (the core): pieces are removed one by one while the rest stays
// impossible.
std::vector<Piece> smallest_impossible(const Board& board, std::vector<Piece> pieces) {
  for (Piece& piece : pieces) {
    piece.want.count =
        std::min(piece.want.count, board.profiles()[piece.want.profile].max_count + 1);
  }
  for (Piece& piece : pieces) {
    while (piece.want.count > 0) {
      --piece.want.count;
      if (possible(board, pieces)) {
        ++piece.want.count;
        break;
      }
    }
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.want.count == 0; });
  return pieces;
}

std::string where_it_can_be(const GpuInstanceProfile& profile) {
  const std::size_t count = profile.placements.size();
  return fmt::format("{} has {} ({})",
                     profile.name.str(),
                     base::counted(count, "legal placement"),
                     ranges(profile.placements));
}

// The resource whose sum over the core exceeds the board, independent of placements; "" = none.
std::string over_the_sum(const Board& board, const std::vector<std::size_t>& counts) {
  std::size_t memory = 0;
  std::size_t compute = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const GpuInstanceProfile& profile = board.profiles()[i];
    const auto smallest = std::min_element(
        profile.placements.begin(), profile.placements.end(), [](Placement x, Placement y) {
          return x.size < y.size;
        });
    memory += counts[i] * (smallest == profile.placements.end() ? 0 : smallest->size);
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

// The limit that the core exceeds independent of placements; "" = none, so the placements are the
// conflict.
std::string by_counts(const Board& board, const std::vector<std::size_t>& counts) {
  Load load = board.empty();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    for (std::size_t n = 0; n < counts[i]; ++n) {
      board.add(load, {i, {}});
    }
    if (counts[i] > board.profiles()[i].max_count) {
      return fmt::format("of {} the driver allows at most {} on this GPU",
                         board.profiles()[i].name.str(),
                         board.profiles()[i].max_count);
    }
  }
  std::string sum = over_the_sum(board, counts);
  if (!sum.empty()) {
    return sum;
  }
  if (load.extensions > 1) {
    return fmt::format("{}: only one instance of a GPU can have the media extension (+me)",
                       named(board, counts));
  }
  if (load.all_media > 0 && load.media_users > load.all_media) {
    return fmt::format(
        "{}: the instance with +me.all has all media engines of the GPU, so the "
        "others must be without (-me)",
        named(board, counts));
  }
  return {};
}

// A pair of the core with fixed placements that overlap: then the proof is that pair.
std::string overlap(const Board& board, const std::vector<Piece>& core) {
  std::vector<std::string> given;
  std::vector<std::string> free;
  for (const Piece& piece : by_profile(core)) {
    if (!piece.want.fixed) {
      free.push_back(where_it_can_be(board.profiles()[piece.want.profile]));
    }
    for (std::uint32_t i = 0; i < piece.want.count; ++i) {
      given.push_back(word(board, piece, true));
    }
  }
  free.erase(std::unique(free.begin(), free.end()), free.end());
  return free.empty()
             ? base::join(given, " and ") + " overlap"
             : fmt::format("{} always overlap: {}", words(board, core), base::join(free, "; "));
}

std::string proof(const Board& board, const std::vector<Piece>& pieces) {
  const std::vector<Piece> core = smallest_impossible(board, pieces);
  const std::vector<std::size_t> counts = counts_of(board, core);
  const auto of_one =
      std::find_if(counts.begin(), counts.end(), [](std::size_t n) { return n > 0; });
  const bool one_kind =
      std::count_if(counts.begin(), counts.end(), [](std::size_t n) { return n > 0; }) == 1;
  const bool fixed = std::any_of(
      core.begin(), core.end(), [](const Piece& piece) { return piece.want.fixed.has_value(); });
  if (one_kind && !fixed) {
    return one_profile(board.profiles()[static_cast<std::size_t>(of_one - counts.begin())],
                       *of_one - 1);
  }
  const std::string count = by_counts(board, counts);
  return count.empty() ? overlap(board, core) : count;
}

// The fewest busy instances whose removal makes the layout possible, by the same exhaustive search:
// its first cost counts the busy instances disturbed.
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

// What would fit, in the notation of a layout or of `create`.
std::string what_would_fit(const SearchInput& input, bool around) {
  if (const auto elsewhere = at_other_places(input)) {
    std::vector<Piece> moved = *elsewhere;
    std::erase_if(moved, [](const Piece& piece) { return piece.there != nullptr; });
    return fmt::format("at other places it would fit: {}", words(input.board, moved));
  }
  const auto part = largest_part(input);
  if (!part) {
    return "nothing fits while it runs what it does";
  }
  if (around || part->beyond_the_wish) {
    std::vector<Piece> all = part->pieces;
    for (Piece& piece : all) {
      piece.runs = piece.runs || piece.there != nullptr;
      piece.there = nullptr;
    }
    return fmt::format("with what runs kept, {} fit", words(input.board, all));
  }
  std::vector<Piece> wanted = part->pieces;
  const auto stay =
      std::erase_if(wanted, [](const Piece& piece) { return piece.there != nullptr; });
  if (stay == 0) {
    return fmt::format("of these, {} would fit", words(input.board, wanted));
  }
  return wanted.empty()
             ? "no more fits beside what stays: migctl placements shows what is free"
             : fmt::format("beside what stays, {} would fit", words(input.board, wanted));
}

Error in_use(const SearchInput& input, const std::string& wanted) {
  std::vector<std::string> blockers;
  std::vector<std::string> missing;
  const auto counts = counts_of(input.board, pieces_of(input));
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
  return Error{ErrorCode::kInUse,
               std::move(message),
               what_would_fit(input, true) + "; or wait for it to end, or stop it"};
}

}  // namespace

Error why_not(const SearchInput& input) {
  const Board& board = input.board;
  const std::vector<Piece> pieces = pieces_of(input);
  if (possible(board, pieces)) {
    return in_use(input, words(board, pieces, false));
  }
  std::vector<Piece> wanted = pieces;
  const auto stay =
      std::erase_if(wanted, [](const Piece& piece) { return piece.there != nullptr; });
  const bool beside = stay > 0 && !wanted.empty();
  return Error{ErrorCode::kNoCapacity,
               fmt::format("cannot place {} on {}{}: {}",
                           words(board, beside ? wanted : pieces),
                           board.name(),
                           beside ? " beside what stays there" : "",
                           proof(board, pieces)),
               what_would_fit(input, false)};
}

}  // namespace mig::planner
