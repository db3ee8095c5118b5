// SPDX-License-Identifier: Apache-2.0
#include "planner/part.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mig::planner {
namespace {

// Search budget of a hint.
constexpr std::size_t kMostSearches = 2000;

std::vector<Want> wants_of(const std::vector<Piece>& pieces) {
  std::vector<Want> wants;
  wants.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    wants.push_back(piece.want);
  }
  return wants;
}

bool plans(const SearchInput& input, const std::vector<Piece>& pieces) {
  const std::vector<Want> wants = wants_of(pieces);
  return best_assignment({input.board, wants, input.existing, input.pin_busy}).has_value();
}

const Existing* lies_there(const SearchInput& input, const Want& want) {
  for (const Existing& existing : input.existing) {
    if (existing.profile != want.profile || existing.instance->placement != want.fixed) {
      continue;
    }
    const auto change = compute_change(
        input.board.gpu(), input.board.profiles()[want.profile], want.compute, existing.instance);
    if (change && change->empty()) {
      return &existing;
    }
  }
  return nullptr;
}

Want as_it_is(const Existing& existing) {
  Want want{*existing.profile, {}, existing.instance->placement, 1};
  for (const ComputeInstance& compute : existing.instance->compute_instances) {
    want.compute.push_back({compute.name, compute.placement});
  }
  return want;
}

// Removes from `left` one want that the running instance satisfies, preferring a want with its
// placement.
bool answer(const SearchInput& input, const Existing& busy, std::vector<Piece>& left) {
  for (const bool at_its_place : {true, false}) {
    for (Piece& piece : left) {
      Want at = piece.want;
      if (at.count == 0 || piece.there != nullptr || at.profile != busy.profile ||
          at.fixed.has_value() != at_its_place) {
        continue;
      }
      at.fixed = at.fixed.value_or(busy.instance->placement);
      if (lies_there(input, at) == &busy) {
        --piece.want.count;
        return true;
      }
    }
  }
  return false;
}

// Depth-first search over the number of instances taken of each want, largest first.
class Largest {
 public:
  Largest(const SearchInput& input, std::vector<Piece> kept, std::vector<Piece> left)
      : input_(input), part_(std::move(kept)), left_(std::move(left)) {
    best_ = part_;
    best_score_ = score(part_);
    for (Piece& piece : left_) {
      piece.want.count =
          std::min(piece.want.count, input_.board.profiles()[piece.want.profile].max_count);
    }
  }

  std::vector<Piece> run() {
    descend(0);
    return std::move(best_);
  }

 private:
  using Score = std::tuple<std::size_t, std::size_t>;

  Score score(const std::vector<Piece>& pieces) const {
    std::size_t count = 0;
    std::size_t slots = 0;
    for (const Piece& piece : pieces) {
      const auto& placements = input_.board.profiles()[piece.want.profile].placements;
      count += piece.want.count;
      slots += std::size_t{piece.want.count} * (placements.empty() ? 0 : placements[0].size);
    }
    return {count, slots};
  }

  void descend(std::size_t next) {
    if (score(part_) > best_score_) {
      best_score_ = score(part_);
      best_ = part_;
    }
    std::size_t most = std::get<0>(score(part_));
    for (std::size_t i = next; i < left_.size(); ++i) {
      most += left_[i].want.count;
    }
    if (next == left_.size() || most < std::get<0>(best_score_) || searches_ >= kMostSearches) {
      return;
    }
    for (std::uint32_t count = left_[next].want.count; count > 0; --count) {
      part_.push_back(left_[next]);
      part_.back().want.count = count;
      ++searches_;
      if (plans(input_, part_)) {
        descend(next + 1);
      }
      part_.pop_back();
    }
    descend(next + 1);
  }

  const SearchInput& input_;
  std::vector<Piece> part_, left_, best_;
  Score best_score_{};
  std::size_t searches_ = 0;
};

}  // namespace

std::vector<Piece> pieces_of(const SearchInput& input) {
  std::vector<Piece> pieces;
  for (const Want& want : input.wants) {
    Piece rest{want};
    if (const Existing* there = want.fixed ? lies_there(input, want) : nullptr) {
      pieces.push_back({want, there->instance});
      pieces.back().want.count = 1;
      --rest.want.count;
    }
    if (rest.want.count > 0) {
      pieces.push_back(std::move(rest));
    }
  }
  return pieces;
}

std::optional<Part> largest_part(const SearchInput& input) {
  Part out;
  std::vector<Piece> kept;
  std::vector<Piece> left;
  for (Piece& piece : pieces_of(input)) {
    (piece.there != nullptr ? kept : left).push_back(std::move(piece));
  }
  for (const Existing& existing : input.existing) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const Piece& piece) {
      return piece.there == existing.instance;
    });
    if (!input.pin_busy || !existing.busy || known) {
      continue;
    }
    if (!existing.profile) {
      return std::nullopt;
    }
    if (!answer(input, existing, left)) {
      out.beyond_the_wish = true;
    }
    kept.push_back({as_it_is(existing), nullptr, true});
  }
  if (!plans(input, kept)) {
    return std::nullopt;
  }
  out.pieces = Largest(input, std::move(kept), std::move(left)).run();
  return out;
}

std::optional<std::vector<Piece>> at_other_places(const SearchInput& input) {
  std::vector<Piece> pieces = pieces_of(input);
  bool any = false;
  for (Piece& piece : pieces) {
    if (piece.there == nullptr && piece.want.fixed) {
      piece.want.fixed.reset();
      any = true;
    }
  }
  if (!any) {
    return std::nullopt;
  }
  const std::vector<Want> wants = wants_of(pieces);
  const auto found = best_assignment({input.board, wants, input.existing, input.pin_busy});
  if (!found) {
    return std::nullopt;
  }
  std::vector<Piece> out;
  std::size_t seat = 0;
  for (const Piece& piece : pieces) {
    for (std::uint32_t i = 0; i < piece.want.count; ++i) {
      out.push_back(piece);
      out.back().want.count = 1;
      out.back().want.fixed = found->seats[seat++].placement;
    }
  }
  return out;
}

}  // namespace mig::planner
