// SPDX-License-Identifier: Apache-2.0
#include "planner/spare_ways.h"

#include <utility>

namespace mig::planner {
namespace {

// Enumerates the amounts of spare room that the machine can keep, each with its cheapest
// distribution.
class SpareSearch {
 public:
  SpareSearch(const std::vector<RoomyGpu>& gpus,
              const std::vector<SpareRoom>& spare,
              bool keep_busy)
      : spare_(spare), keep_busy_(keep_busy) {
    ways_[Amounts(spare.size())] = {};
    for (const RoomyGpu& gpu : gpus) {
      offers_.clear();
      Amounts amounts(spare.size());
      collect(gpu, 0, amounts);
      combine();
    }
  }

  const SpareWays& ways() const { return ways_; }

 private:
  std::optional<Disturbance> cost_on(const RoomyGpu& gpu, const Amounts& amounts) const {
    const auto profiles = spare_on(gpu.board, spare_, amounts);
    if (!profiles || profiles->size() > gpu.board.gpu().memory_slices) {
      return std::nullopt;
    }
    if (!gpu.changes) {
      return gpu.board.fit_beside(load_of_existing(gpu.board), *profiles)
                 ? std::optional(Disturbance{})
                 : std::nullopt;
    }
    const auto best = best_assignment({gpu.board, gpu.wants, gpu.existing, keep_busy_, *profiles});
    return best ? std::optional(best->cost) : std::nullopt;
  }

  // Monotone: where an amount does not fit, a larger one does not either.
  bool collect(const RoomyGpu& gpu, std::size_t kind, Amounts& amounts) {
    if (kind == spare_.size()) {
      const auto cost = cost_on(gpu, amounts);
      if (cost) {
        offers_[amounts] = *cost;
      }
      return cost.has_value();
    }
    bool any = false;
    for (std::uint32_t n = 0; n <= spare_[kind].count; ++n) {
      amounts[kind] = n;
      if (!collect(gpu, kind + 1, amounts)) {
        break;
      }
      any = true;
    }
    amounts[kind] = 0;
    return any;
  }

  void combine() {
    SpareWays next;
    for (const auto& [have, way] : ways_) {
      for (const auto& [offer, cost] : offers_) {
        Amounts sum = have;
        bool fits = true;
        for (std::size_t i = 0; i < sum.size(); ++i) {
          sum[i] += offer[i];
          fits = fits && sum[i] <= spare_[i].count;
        }
        if (fits) {
          keep_cheaper(next, sum, way, offer, cost);
        }
      }
    }
    ways_ = std::move(next);
  }

  static void keep_cheaper(SpareWays& ways,
                           const Amounts& sum,
                           const SpareWay& way,
                           const Amounts& offer,
                           const Disturbance& cost) {
    SpareWay longer = way;
    for (std::size_t i = 0; i < cost.size(); ++i) {
      longer.cost[i] += cost[i];
    }
    longer.by_gpu.push_back(offer);
    const auto it = ways.find(sum);
    if (it == ways.end() || longer.cost < it->second.cost) {
      ways[sum] = std::move(longer);
    }
  }

  const std::vector<SpareRoom>& spare_;
  bool keep_busy_;
  std::map<Amounts, Disturbance> offers_;
  SpareWays ways_;
};

}  // namespace

Load load_of_existing(const Board& board) {
  Load load = board.empty();
  for (const Existing& existing : existing_on(board)) {
    if (existing.profile) {
      board.add(load, {*existing.profile, existing.instance->placement});
    } else {
      Board::occupy(load, existing.instance->placement);
    }
  }
  return load;
}

std::optional<std::vector<std::size_t>> spare_on(const Board& board,
                                                 const std::vector<SpareRoom>& spare,
                                                 const Amounts& amounts) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < spare.size(); ++i) {
    const auto profile = board.find(spare[i].profile);
    if (amounts[i] > 0 && !profile) {
      return std::nullopt;
    }
    out.insert(out.end(), amounts[i], profile.value_or(0));
  }
  return out;
}

SpareWays spare_ways(const std::vector<RoomyGpu>& gpus,
                     const std::vector<SpareRoom>& spare,
                     bool keep_busy) {
  return SpareSearch(gpus, spare, keep_busy).ways();
}

}  // namespace mig::planner
