// SPDX-License-Identifier: Apache-2.0
#include "planner/compute.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "model/compute_names.h"
#include "model/slots.h"

namespace mig::planner {
namespace {

struct Have {
  const ComputeInstance* instance;
  bool busy;
};

struct Item {
  const ComputeInstanceProfile* profile;
  std::optional<Placement> fixed;

  friend bool operator==(const Item&, const Item&) = default;
};

using Wanted = std::vector<Item>;

bool same(const ComputeInstance& have, const ComputeInstanceProfile& wanted) {
  return have.name == wanted.name;
}

// The change that keeps the existing compute instances with kept[i] and destroys the others.
ComputeChange change_of(const std::vector<Have>& have,
                        const std::vector<bool>& kept,
                        std::vector<ComputeChange::Created> created) {
  ComputeChange change;
  change.created = std::move(created);
  for (std::size_t i = 0; i < have.size(); ++i) {
    if (!kept[i]) {
      change.destroyed.push_back(have[i].instance);
      change.busy_destroyed += have[i].busy ? 1 : 0;
    }
  }
  return change;
}

// Depth-first search over the placements of the wanted compute instances; equal profiles take
// ascending starts, so that no set is visited twice.
class Search {
 public:
  Search(const Wanted& wanted, const std::vector<Have>& have) : wanted_(wanted), have_(have) {
    chosen_.resize(wanted.size());
  }

  std::optional<ComputeChange> run() {
    descend(0, 0);
    return std::move(best_);
  }

 private:
  void descend(std::size_t item, std::uint64_t taken) {
    if (item == wanted_.size()) {
      consider();
      return;
    }
    const bool twin = item > 0 && wanted_[item] == wanted_[item - 1];
    for (const Placement placement : wanted_[item].profile->placements) {
      if (wanted_[item].fixed.value_or(placement) == placement &&
          (slot_mask(placement) & taken) == 0 && !(twin && placement < chosen_[item - 1])) {
        chosen_[item] = placement;
        descend(item + 1, taken | slot_mask(placement));
      }
    }
  }

  void consider() {
    std::vector<bool> kept(have_.size(), false);
    std::vector<ComputeChange::Created> created;
    for (std::size_t item = 0; item < wanted_.size(); ++item) {
      std::size_t i = 0;
      while (i < have_.size() && (kept[i] || have_[i].instance->placement != chosen_[item] ||
                                  !same(*have_[i].instance, *wanted_[item].profile))) {
        ++i;
      }
      if (i < have_.size()) {
        kept[i] = true;
      } else {
        created.push_back({wanted_[item].profile, chosen_[item]});
      }
    }
    ComputeChange change = change_of(have_, kept, std::move(created));
    if (!best_ || std::pair(change.busy_destroyed, change.destroyed.size()) <
                      std::pair(best_->busy_destroyed, best_->destroyed.size())) {
      best_ = std::move(change);
    }
  }

  const Wanted& wanted_;
  const std::vector<Have>& have_;
  std::vector<Placement> chosen_;
  std::optional<ComputeChange> best_;
};

// A given placement must equal a known one; an unknown placement is assumed to match.
bool may_be_at(const ComputeInstance& have, const std::optional<Placement>& wanted) {
  return !wanted || !have.placement || *have.placement == *wanted;
}

// Given placements are trusted, except that they must not overlap or leave the instance.
bool places_possible(const Wanted& wanted, const GpuInstanceProfile& profile) {
  std::uint32_t end = profile.slices;
  for (const Placement placement : profile.placements) {
    end = std::max(end, placement.size);
  }
  std::uint64_t taken = 0;
  for (const Item& item : wanted) {
    if (!item.fixed) {
      continue;
    }
    const std::uint64_t mask = slot_mask(*item.fixed);
    if (item.fixed->end() > end || (mask & taken) != 0) {
      return false;
    }
    taken |= mask;
  }
  return true;
}

ComputeChange by_counts(const Wanted& wanted, const std::vector<Have>& have) {
  std::vector<bool> kept(have.size(), false);
  std::vector<ComputeChange::Created> created;
  for (const auto& [profile, fixed] : wanted) {
    std::optional<std::size_t> match;
    for (std::size_t i = 0; i < have.size(); ++i) {
      const bool better = !match || (have[i].busy && !have[*match].busy);
      if (!kept[i] && same(*have[i].instance, *profile) && may_be_at(*have[i].instance, fixed) &&
          better) {
        match = i;
      }
    }
    if (match) {
      kept[*match] = true;
    } else {
      created.push_back({profile, fixed});
    }
  }
  return change_of(have, kept, std::move(created));
}

}  // namespace

bool is_busy(const Gpu& gpu, const GpuInstance& instance) {
  return gpu.in_use(instance.id);
}

bool is_busy(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  const auto process_is_on = [&](const Process& process) {
    return process.may_be_on(instance.id) &&
           process.compute_instance.value_or(compute.id) == compute.id;
  };
  const auto lease_is_of = [&](const InstanceLease& lease) {
    return lease.gpu_instance == instance.id && lease.compute_instance == compute.id;
  };
  return std::any_of(gpu.processes.begin(), gpu.processes.end(), process_is_on) ||
         std::any_of(gpu.leases.begin(), gpu.leases.end(), lease_is_of);
}

std::optional<ComputeChange> compute_change(const Gpu& gpu,
                                            const GpuInstanceProfile& profile,
                                            const std::vector<WantedCompute>& computes,
                                            const GpuInstance* existing) {
  Wanted wanted;
  std::vector<const ComputeInstanceProfile*> profiles;
  for (const WantedCompute& want : computes) {
    const ComputeInstanceProfile* compute = find_compute_profile(profile, want.name);
    if (compute == nullptr) {
      return std::nullopt;
    }
    profiles.push_back(compute);
    wanted.push_back({compute, want.placement});
  }
  // Given placements first, in their order; the free ones are placed around them.
  const auto rank = [](const Item& item) {
    return item.fixed
               ? std::tuple(0, 0U, 0U)
               : std::tuple(1, UINT32_MAX - item.profile->slices, item.profile->nvml_profile);
  };
  std::stable_sort(wanted.begin(), wanted.end(), [&](const Item& one, const Item& other) {
    return rank(one) < rank(other);
  });
  if (!compute_instances_fit(profiles, profile) || !places_possible(wanted, profile)) {
    return std::nullopt;
  }
  std::vector<Have> have;
  bool told = !profile.compute_profiles_derived;
  if (existing != nullptr) {
    for (const ComputeInstance& compute : existing->compute_instances) {
      told = told && compute.placement.has_value();
      have.push_back({&compute, is_busy(gpu, *existing, compute)});
    }
  }
  told = told && std::all_of(wanted.begin(), wanted.end(), [](const Item& p) {
           return !p.profile->placements.empty();
         });
  return told ? Search(wanted, have).run() : by_counts(wanted, have);
}

}  // namespace mig::planner
