// SPDX-License-Identifier: Apache-2.0
#include "planner/search.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "model/slots.h"

namespace mig::planner {
namespace {

// Lexicographic cost: busy destroyed, instances destroyed, compute instances destroyed, destroyed
// before their successors are created, -room.
using Cost = std::array<std::size_t, 5>;

class Search {
 public:
  explicit Search(const SearchInput& input)
      : input_(input), board_(input.board), load_(board_.empty()) {
    for (std::size_t want = 0; want < input.wants.size(); ++want) {
      for (std::uint32_t i = 0; i < input.wants[want].count; ++i) {
        items_.push_back(want);
      }
    }
    chosen_.resize(items_.size());
    for (const Existing& existing : input.existing) {
      if (input.pin_busy && existing.busy) {
        pinned_ |= slot_mask(existing.instance->placement);
      }
    }
  }

  std::optional<Assignment> run() {
    if (!hopeless()) {
      descend(0);
    }
    if (!found_) {
      return std::nullopt;
    }
    return build(best_);
  }

 private:
  // Prunes counts that no board can hold before thousands of failing combinations are listed.
  bool hopeless() const {
    std::vector<std::uint64_t> counts(board_.profiles().size());
    for (const Want& want : input_.wants) {
      counts[want.profile] += want.count;
      if (counts[want.profile] > board_.profiles()[want.profile].max_count) {
        return true;
      }
    }
    return items_.size() > board_.gpu().memory_slices;
  }

  const Existing* existing_at(std::size_t profile, Placement placement) const {
    for (const Existing& existing : input_.existing) {
      if (existing.profile == profile && existing.instance->placement == placement) {
        return &existing;
      }
    }
    return nullptr;
  }

  void descend(std::size_t item) {
    if (item == items_.size()) {
      consider();
      return;
    }
    const Want& want = input_.wants[items_[item]];
    const bool twin = item > 0 && items_[item] == items_[item - 1];
    for (const Placement placement : board_.profiles()[want.profile].placements) {
      const Placed placed{want.profile, placement};
      if ((want.fixed && *want.fixed != placement) || (twin && placement < chosen_[item - 1]) ||
          !board_.fits(load_, placed)) {
        continue;
      }
      const Existing* existing = existing_at(want.profile, placement);
      const bool hurts = (slot_mask(placement) & pinned_) != 0;
      if (hurts && (existing == nullptr || !existing->busy)) {
        continue;
      }
      const auto* change = change_for(items_[item], existing);
      if (change == nullptr || (hurts && change->busy_destroyed > 0)) {
        continue;
      }
      chosen_[item] = placement;
      board_.add(load_, placed);
      descend(item + 1);
      board_.remove(load_, placed);
    }
  }

  // Memoised compute change of a want on an existing instance (or a new one).
  const ComputeChange* change_for(std::size_t want, const Existing* existing) {
    const GpuInstance* instance = existing == nullptr ? nullptr : existing->instance;
    const auto [it, fresh] = changes_.try_emplace({want, instance});
    if (fresh) {
      const Want& wanted = input_.wants[want];
      it->second =
          compute_change(board_.gpu(), board_.profiles()[wanted.profile], wanted.compute, instance);
    }
    return it->second ? &*it->second : nullptr;
  }

  void consider() {
    std::size_t kept = 0;
    Cost cost{};
    std::vector<bool> stays(input_.existing.size(), false);
    for (std::size_t item = 0; item < items_.size(); ++item) {
      const Existing* existing = existing_at(input_.wants[items_[item]].profile, chosen_[item]);
      if (existing != nullptr) {
        const ComputeChange* change = change_for(items_[item], existing);
        stays[static_cast<std::size_t>(existing - input_.existing.data())] = true;
        cost[0] += change->busy_destroyed > 0 ? 1 : 0;
        cost[2] += change->destroyed.size();
        ++kept;
      }
    }
    for (std::size_t i = 0; i < stays.size(); ++i) {
      if (input_.existing[i].busy && !stays[i]) {
        if (input_.pin_busy) {
          return;
        }
        ++cost[0];
      }
    }
    cost[1] = input_.existing.size() - kept;
    cost[3] = broken_first(stays);
    cost[4] = SIZE_MAX - board_.room(load_);
    if ((!found_ || cost < best_cost_) && board_.fit_beside(load_, input_.spare)) {
      found_ = true;
      best_cost_ = cost;
      best_ = chosen_;
    }
  }

  // Number of destroyed instances that occupy the placement of a created one (break before make).
  std::size_t broken_first(const std::vector<bool>& stays) const {
    std::size_t broken = 0;
    for (std::size_t i = 0; i < stays.size(); ++i) {
      const std::uint64_t mask = slot_mask(input_.existing[i].instance->placement);
      broken += !stays[i] && (load_.taken & mask) != 0 ? 1 : 0;
    }
    return broken;
  }

  Assignment build(const std::vector<Placement>& placements) {
    Assignment assignment;
    std::copy_n(best_cost_.begin(), assignment.cost.size(), assignment.cost.begin());
    std::vector<bool> stays(input_.existing.size(), false);
    for (std::size_t item = 0; item < items_.size(); ++item) {
      const Existing* existing = existing_at(input_.wants[items_[item]].profile, placements[item]);
      Seat seat;
      seat.profile = input_.wants[items_[item]].profile;
      seat.placement = placements[item];
      seat.kept = existing == nullptr ? nullptr : existing->instance;
      seat.compute = *change_for(items_[item], existing);
      assignment.seats.push_back(std::move(seat));
      if (existing != nullptr) {
        stays[static_cast<std::size_t>(existing - input_.existing.data())] = true;
      }
    }
    for (std::size_t i = 0; i < stays.size(); ++i) {
      if (!stays[i]) {
        assignment.gone.push_back(input_.existing[i].instance);
      }
    }
    return assignment;
  }

  const SearchInput& input_;
  const Board& board_;
  Load load_;
  std::vector<std::size_t> items_;  // want index of each wanted instance
  std::vector<Placement> chosen_, best_;
  std::uint64_t pinned_ = 0;  // bit set of the slots of busy instances
  std::map<std::pair<std::size_t, const GpuInstance*>, std::optional<ComputeChange>> changes_;
  bool found_ = false;
  Cost best_cost_{};
};

}  // namespace

std::vector<Existing> existing_on(const Board& board) {
  std::vector<Existing> all;
  for (const GpuInstance& instance : board.gpu().instances) {
    all.push_back({&instance, board.find(instance.profile_id), is_busy(board.gpu(), instance)});
  }
  return all;
}

std::optional<Assignment> best_assignment(const SearchInput& input) {
  return Search(input).run();
}

}  // namespace mig::planner
