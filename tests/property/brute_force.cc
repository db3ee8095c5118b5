// SPDX-License-Identifier: Apache-2.0
#include "brute_force.h"

#include <algorithm>
#include <functional>
#include <memory>

namespace mig::property {
namespace {

// Cost of a change inside one GPU instance.
struct Inside {
  int busy = 0;
  int destroyed = 0;
  friend auto operator<=>(const Inside&, const Inside&) = default;
};

bool is_kept(const HeldCompute& held,
             const std::vector<ComputeWish>& wishes,
             const std::vector<int>& at) {
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (wishes[i].compute == held.compute && at[i] == held.start) {
      return true;
    }
  }
  return false;
}

std::optional<Inside> best_inside(const ProfileFacts& profile,
                                  const std::vector<HeldCompute>& held,
                                  const std::vector<ComputeWish>& wishes) {
  for (std::size_t c = 0; c < profile.computes.size(); ++c) {
    const auto same = std::count_if(wishes.begin(), wishes.end(), [&](const ComputeWish& wish) {
      return wish.compute == static_cast<int>(c);
    });
    if (same > profile.computes[c].max_count) {
      return std::nullopt;
    }
  }
  std::optional<Inside> best;
  std::vector<int> at(wishes.size());
  std::vector<bool> taken(16);
  const std::function<void(std::size_t)> place = [&](std::size_t i) {
    if (i == wishes.size()) {
      Inside cost;
      for (const HeldCompute& compute : held) {
        if (!is_kept(compute, wishes, at)) {
          ++cost.destroyed;
          cost.busy += compute.busy ? 1 : 0;
        }
      }
      best = best ? std::min(*best, cost) : cost;
      return;
    }
    const ComputeFacts& compute = profile.computes[static_cast<std::size_t>(wishes[i].compute)];
    for (const int start : compute.starts) {
      const auto first = taken.begin() + start;
      if ((wishes[i].start && *wishes[i].start != start) ||
          (i > 0 && wishes[i] == wishes[i - 1] && start < at[i - 1]) ||
          std::find(first, first + compute.size, true) != first + compute.size) {
        continue;
      }
      std::fill(first, first + compute.size, true);
      at[i] = start;
      place(i + 1);
      std::fill(first, first + compute.size, false);
    }
  };
  place(0);
  return best;
}

// One layout with the wanted counts: the cheapest assignment of wanted instances to its windows.
class OneLayout {
 public:
  OneLayout(const BoardFacts& board,
            const std::vector<Held>& held,
            const std::set<std::size_t>* may_go,
            const Windows& windows)
      : board_(board), held_(held), may_go_(may_go), windows_(windows) {}

  std::optional<Cost> cost(const std::vector<Wish>& wishes) const {
    Cost total;
    for (std::size_t h = 0; h < held_.size(); ++h) {
      if (std::find(windows_.begin(), windows_.end(), held_[h].window) == windows_.end()) {
        ++total.instances;
        if (held_[h].busy && !may_disturb(h)) {
          return std::nullopt;
        }
        total.busy += held_[h].busy ? 1 : 0;
      }
    }
    for (std::size_t p = 0; p < board_.profiles.size(); ++p) {
      const auto group = best_group(static_cast<int>(p), wishes);
      if (!group) {
        return std::nullopt;
      }
      total.busy += group->busy;
      total.computes += group->computes;
    }
    return total;
  }

 private:
  bool may_disturb(std::size_t h) const { return may_go_ == nullptr || may_go_->count(h) > 0; }

  std::optional<Cost> pair_cost(const Window& window, const Wish& wish) const {
    if (wish.start && *wish.start != window.start) {
      return std::nullopt;
    }
    const ProfileFacts& profile = board_.profiles[static_cast<std::size_t>(window.profile)];
    for (std::size_t h = 0; h < held_.size(); ++h) {
      if (held_[h].window == window) {
        const auto inside = best_inside(profile, held_[h].computes, wish.computes);
        if (!inside || (inside->busy > 0 && !may_disturb(h))) {
          return std::nullopt;
        }
        return Cost{inside->busy > 0 ? 1 : 0, 0, inside->destroyed};
      }
    }
    return best_inside(profile, {}, wish.computes) ? std::optional(Cost{}) : std::nullopt;
  }

  // Wanted instances of one profile on that profile's windows: every permutation.
  std::optional<Cost> best_group(int profile, const std::vector<Wish>& wishes) const {
    Windows windows;
    std::vector<Wish> mine;
    for (const Window& window : windows_) {
      if (window.profile == profile) {
        windows.push_back(window);
      }
    }
    for (const Wish& wish : wishes) {
      if (wish.profile == profile) {
        mine.push_back(wish);
      }
    }
    std::sort(mine.begin(), mine.end());
    std::optional<Cost> best;
    do {
      Cost sum;
      bool possible = true;
      for (std::size_t i = 0; i < mine.size() && possible; ++i) {
        const auto one = pair_cost(windows[i], mine[i]);
        possible = one.has_value();
        if (possible) {
          sum.busy += one->busy;
          sum.computes += one->computes;
        }
      }
      if (possible) {
        best = best ? std::min(*best, sum) : sum;
      }
    } while (std::next_permutation(mine.begin(), mine.end()));
    return best;
  }

  const BoardFacts& board_;
  const std::vector<Held>& held_;
  const std::set<std::size_t>* may_go_;
  const Windows& windows_;
};

}  // namespace

BruteForce::BruteForce(BoardFacts board)
    : board_(std::move(board)),
      layouts_(all_layouts(board_)),
      by_counts_(property::by_counts(board_, layouts_)) {}

std::optional<Cost> BruteForce::best(const std::vector<Held>& held,
                                     const std::vector<Wish>& wishes,
                                     const std::set<std::size_t>* may_go) const {
  Counts wanted(board_.profiles.size());
  for (const Wish& wish : wishes) {
    ++wanted[static_cast<std::size_t>(wish.profile)];
  }
  const auto layouts = by_counts_.find(wanted);
  if (layouts == by_counts_.end()) {
    return std::nullopt;
  }
  std::optional<Cost> best;
  for (const Windows& windows : layouts->second) {
    const auto cost = OneLayout(board_, held, may_go, windows).cost(wishes);
    if (cost) {
      best = best ? std::min(*best, *cost) : *cost;
    }
  }
  return best;
}

const BruteForce& brute_for(const std::string& key) {
  static std::map<std::string, std::unique_ptr<BruteForce>> made;
  std::unique_ptr<BruteForce>& one = made[key];
  if (!one) {
    one = std::make_unique<BruteForce>(read_board(key));
  }
  return *one;
}

}  // namespace mig::property
