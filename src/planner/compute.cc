// SPDX-License-Identifier: Apache-2.0
#include "planner/compute.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "model/slots.h"

namespace mig::planner {
namespace {

struct Have {
  const ComputeInstance* instance;
  bool busy;
};

using Wanted = std::vector<const ComputeInstanceProfile*>;

bool same(const ComputeInstance& have, const ComputeInstanceProfile& wanted) {
  return have.name.compute_slices == wanted.name.compute_slices;
}

// Sets aside what cannot be matched: `kept[i]` says whether have[i] stays.
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

// Depth first over the placements of each wanted compute instance; equal profiles take ascending
// starts, so that no set is seen twice.
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
    for (const Placement placement : wanted_[item]->placements) {
      if ((slot_mask(placement) & taken) == 0 && !(twin && placement < chosen_[item - 1])) {
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
                                  !same(*have_[i].instance, *wanted_[item]))) {
        ++i;
      }
      if (i < have_.size()) {
        kept[i] = true;
      } else {
        created.push_back({wanted_[item], chosen_[item]});
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

ComputeChange by_counts(const Wanted& wanted, const std::vector<Have>& have) {
  std::vector<bool> kept(have.size(), false);
  std::vector<ComputeChange::Created> created;
  for (const ComputeInstanceProfile* profile : wanted) {
    std::optional<std::size_t> match;
    for (std::size_t i = 0; i < have.size(); ++i) {
      const bool better = !match || (have[i].busy && !have[*match].busy);
      if (!kept[i] && same(*have[i].instance, *profile) && better) {
        match = i;
      }
    }
    if (match) {
      kept[*match] = true;
    } else {
      created.push_back({profile, std::nullopt});
    }
  }
  return change_of(have, kept, std::move(created));
}

bool on_instance(const Process& process, const GpuInstance& instance) {
  return process.gpu_instance.value_or(instance.id) == instance.id;
}

}  // namespace

bool is_busy(const Gpu& gpu, const GpuInstance& instance) {
  return std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const Process& process) {
    return on_instance(process, instance);
  });
}

bool is_busy(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  return std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const Process& process) {
    return on_instance(process, instance) &&
           process.compute_instance.value_or(compute.id) == compute.id;
  });
}

std::optional<ComputeChange> compute_change(const Gpu& gpu,
                                            const GpuInstanceProfile& profile,
                                            const std::vector<ProfileName>& names,
                                            const GpuInstance* existing) {
  Wanted wanted;
  for (const ProfileName& name : names) {
    const ComputeInstanceProfile* compute = find_compute_profile(profile, name);
    if (compute == nullptr) {
      return std::nullopt;
    }
    wanted.push_back(compute);
  }
  std::stable_sort(wanted.begin(), wanted.end(), [](const auto* a, const auto* b) {
    return std::tuple(b->slices, a->nvml_profile) < std::tuple(a->slices, b->nvml_profile);
  });
  if (!compute_instances_fit(wanted, profile.slices)) {
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
  told = told && std::all_of(wanted.begin(), wanted.end(), [](const auto* p) {
           return !p->placements.empty();
         });
  return told ? Search(wanted, have).run() : by_counts(wanted, have);
}

}  // namespace mig::planner
