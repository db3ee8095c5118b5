// SPDX-License-Identifier: Apache-2.0
#include "advise/shares.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace mig::advise {
namespace {

using cost::Amount;
using cost::Part;
using cost::Policy;
using cost::Tenure;

// What the whole GPU weighs.
Wide whole_weight(const Amount& whole, Policy policy) {
  switch (policy) {
    case Policy::kCompute:
      return whole.slices;
    case Policy::kMemory:
      return whole.memory_slices;
    case Policy::kSm:
      return whole.sm;
    case Policy::kDominant:
    case Policy::kFullCost:
      break;
  }
  return Wide{whole.slices} * whole.memory_slices;
}

Wide weight_of(const Amount& amount, const Amount& whole, Policy policy) {
  switch (policy) {
    case Policy::kCompute:
      return amount.slices;
    case Policy::kMemory:
      return amount.memory_slices;
    case Policy::kSm:
      return amount.sm;
    case Policy::kDominant:
    case Policy::kFullCost:
      break;
  }
  return std::max(Wide{amount.slices} * whole.memory_slices,
                  Wide{amount.memory_slices} * whole.slices);
}

Wide room_weight(const cost::Room& room, Policy policy) {
  switch (policy) {
    case Policy::kCompute:
      return room.most.slices;
    case Policy::kMemory:
      return room.most.memory_slices;
    case Policy::kSm:
      return room.most.sm;
    case Policy::kDominant:
    case Policy::kFullCost:
      break;
  }
  return Wide{room.dominant};
}

using Holders = std::vector<const Tenure*>;

class Splitter {
 public:
  Splitter(const Moment& moment, Policy policy) : moment_(moment), policy_(policy) {}

  std::vector<Share> split() {
    if (!moment_.recorded) {
      nobody(Part::kNotRecorded, kWhole);
    } else if (moment_.layout != nullptr && !moment_.layout->mig && fits_whole()) {
      seat(kWhole, moment_.tenures, Part::kUnallocated);
    } else if (moment_.layout != nullptr && moment_.layout->mig && fits_layout()) {
      by_layout();
    } else {
      by_leases();
    }
    return std::move(out_);
  }

 private:
  void nobody(Part part, std::int64_t share) {
    if (share > 0) {
      out_.push_back({nullptr, part, share});
    }
  }

  bool fits_whole() const {
    return std::all_of(moment_.tenures.begin(), moment_.tenures.end(), [](const Tenure* one) {
      return one->gpu_instance == Tenure::kWholeGpu;
    });
  }

  // A lease of an instance that the layout lacks shows that the layout was another one.
  bool fits_layout() const {
    const auto& instances = moment_.layout->instances;
    return whole_weight(moment_.gpu->whole, policy_) > 0 &&
           std::all_of(moment_.tenures.begin(), moment_.tenures.end(), [&](const Tenure* one) {
             return std::any_of(instances.begin(), instances.end(), [&](const auto& instance) {
               return instance.gpu_instance == one->gpu_instance;
             });
           });
  }

  std::map<std::uint32_t, Holders> by_instance() const {
    std::map<std::uint32_t, Holders> out;
    for (const Tenure* one : moment_.tenures) {
      out[one->gpu_instance].push_back(one);
    }
    return out;
  }

  void by_layout() {
    std::vector<Wide> weights;
    Wide used = 0;
    for (const cost::UsedInstance& instance : moment_.layout->instances) {
      weights.push_back(weight_of(instance.amount, moment_.gpu->whole, policy_));
      used += weights.back();
    }
    // Larger shares may add up to more than the GPU (4g.20gb with 3g.20gb): then they are the GPU.
    const Wide rest = std::max<Wide>(whole_weight(moment_.gpu->whole, policy_) - used, 0);
    const Wide usable = std::min(rest, room_weight(moment_.layout->room, policy_));
    weights.push_back(usable);
    weights.push_back(rest - usable);
    const std::vector<std::int64_t> shares = largest_remainders(kWhole, weights);
    const auto holders = by_instance();
    for (std::size_t i = 0; i < moment_.layout->instances.size(); ++i) {
      const auto found = holders.find(moment_.layout->instances[i].gpu_instance);
      instance(shares[i], found == holders.end() ? Holders() : found->second, Part::kUnallocated);
    }
    nobody(Part::kUnallocated, shares[shares.size() - 2]);
    nobody(Part::kStranded, shares.back());
  }

  // What leases show of an unknown layout; the rest is not recorded.
  void by_leases() {
    const Wide whole = whole_weight(moment_.gpu->whole, policy_);
    if (whole == 0) {
      return nobody(Part::kNotRecorded, kWhole);
    }
    std::vector<Wide> weights;
    const auto holders = by_instance();
    Wide used = 0;
    for (const auto& [id, leases] : holders) {
      weights.push_back(id == Tenure::kWholeGpu
                            ? whole
                            : weight_of(leases.front()->amount, moment_.gpu->whole, policy_));
      used += weights.back();
    }
    weights.push_back(std::max<Wide>(whole - used, 0));
    const std::vector<std::int64_t> shares = largest_remainders(kWhole, weights);
    std::size_t i = 0;
    for (const auto& [id, leases] : holders) {
      instance(shares[i++], leases, Part::kNotRecorded);
    }
    nobody(Part::kNotRecorded, shares.back());
  }

  // A GPU instance: its compute instances by their slices, the others of them to nobody.
  void instance(std::int64_t share, const Holders& leases, Part free) {
    std::map<std::uint32_t, Holders> seats;
    for (const Tenure* one : leases) {
      seats[one->compute_instance].push_back(one);
    }
    std::vector<Wide> weights;
    std::uint32_t parts = 1;
    std::uint32_t taken = 0;
    for (const auto& [id, holders] : seats) {
      parts = std::max(parts, holders.front()->parts);
      taken += holders.front()->part;
      weights.push_back(holders.front()->part);
    }
    weights.push_back(taken < parts ? parts - taken : 0);
    if (seats.empty()) {
      return nobody(free, share);
    }
    const std::vector<std::int64_t> shares = largest_remainders(share, weights);
    std::size_t i = 0;
    for (const auto& [id, holders] : seats) {
      seat(shares[i++], holders, free);
    }
    nobody(free, shares.back());
  }

  // A seat for several: each pays for its place, and nobody for a free one.
  void seat(std::int64_t share, const Holders& holders, Part free) {
    if (holders.empty()) {
      return nobody(free, share);
    }
    const std::size_t places = std::max<std::size_t>(holders.front()->shared, holders.size());
    std::vector<Wide> weights(holders.size(), 1);
    weights.push_back(static_cast<Wide>(places - holders.size()));
    const std::vector<std::int64_t> shares = largest_remainders(share, weights);
    for (std::size_t i = 0; i < holders.size(); ++i) {
      const std::uint32_t id = holders[i]->gpu_instance;
      const bool idle = moment_.idle.contains(id);
      out_.push_back({holders[i],
                      idle ? Part::kIdle : Part::kAllocated,
                      shares[i],
                      idle || moment_.busy.contains(id)});
    }
    nobody(free, shares.back());
  }

  const Moment& moment_;
  Policy policy_;
  std::vector<Share> out_;
};

// What is free and stranded, on those who have leases, in proportion.
void spread_free(std::vector<Share>& shares) {
  std::int64_t free = 0;
  std::vector<Wide> weights;
  for (const Share& share : shares) {
    const bool nobodys = share.part == Part::kUnallocated || share.part == Part::kStranded;
    free += nobodys ? share.share : 0;
    weights.push_back(share.tenure != nullptr ? share.share : 0);
  }
  if (std::all_of(weights.begin(), weights.end(), [](Wide one) { return one == 0; })) {
    return;
  }
  const std::vector<std::int64_t> more = largest_remainders(free, weights);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i].share += more[i];
    shares[i].of_free = more[i];
  }
  std::erase_if(shares, [](const Share& share) {
    return share.part == Part::kUnallocated || share.part == Part::kStranded;
  });
}

}  // namespace

std::vector<std::int64_t> largest_remainders(std::int64_t total, const std::vector<Wide>& weights) {
  std::vector<std::int64_t> out(weights.size(), 0);
  const Wide sum = std::accumulate(weights.begin(), weights.end(), Wide{0});
  if (weights.empty()) {
    return out;
  }
  if (sum == 0) {
    out.back() = total;
    return out;
  }
  std::int64_t left = total;
  std::vector<Wide> remainders;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    out[i] = static_cast<std::int64_t>(weights[i] * total / sum);
    remainders.push_back(weights[i] * total % sum);
    left -= out[i];
  }
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return remainders[a] > remainders[b];
  });
  for (std::size_t i = 0; left > 0; ++i, --left) {
    ++out[order[i]];
  }
  return out;
}

std::vector<Share> shares_at(const Moment& moment, Policy policy) {
  std::vector<Share> shares = Splitter(moment, policy).split();
  if (policy == Policy::kFullCost) {
    spread_free(shares);
  }
  return shares;
}

}  // namespace mig::advise
