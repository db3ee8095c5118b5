// SPDX-License-Identifier: Apache-2.0
#include "config/pack.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "model/compute_names.h"
#include "model/slots.h"

namespace mig::config {
namespace {

struct Item {
  const ComputeInstanceProfile* profile;
  SourcePosition position;
};

using Bins = std::vector<std::vector<std::size_t>>;  // indices of items

bool fits(const std::vector<Item>& items,
          const std::vector<std::size_t>& bin,
          const GpuInstanceProfile& profile) {
  std::vector<const ComputeInstanceProfile*> wanted;
  wanted.reserve(bin.size());
  for (const std::size_t i : bin) {
    wanted.push_back(items[i].profile);
  }
  return compute_instances_fit(wanted, profile);
}

// First-fit decreasing: an upper bound, and the result for loads that no GPU can hold anyway.
Bins first_fit(const std::vector<Item>& items, const GpuInstanceProfile& profile) {
  Bins bins;
  std::vector<std::uint32_t> used;  // slices in use; skips the exact test where it must fail
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::uint32_t slices = items[i].profile->slices;
    std::size_t b = 0;
    for (; b < bins.size(); ++b) {
      if (used[b] + slices > profile.slices) {
        continue;
      }
      bins[b].push_back(i);
      if (fits(items, bins[b], profile)) {
        break;
      }
      bins[b].pop_back();
    }
    if (b == bins.size()) {
      bins.push_back({i});
      used.push_back(0);
    }
    used[b] += slices;
  }
  return bins;
}

bool pack_into(const std::vector<Item>& items,
               const GpuInstanceProfile& profile,
               std::size_t item,
               std::size_t limit,
               Bins& bins) {
  if (item == items.size()) {
    return true;
  }
  for (std::size_t b = 0; b < std::min(bins.size() + 1, limit); ++b) {
    if (b == bins.size()) {
      bins.emplace_back();
    }
    bins[b].push_back(item);
    if (fits(items, bins[b], profile) && pack_into(items, profile, item + 1, limit, bins)) {
      return true;
    }
    bins[b].pop_back();
    if (bins[b].empty()) {
      bins.pop_back();
    }
  }
  return false;
}

// Exact where a GPU could hold the result, else first fit.
Bins fewest_bins(const std::vector<Item>& items, const GpuInstanceProfile& profile) {
  Bins best = first_fit(items, profile);
  std::uint32_t slices = 0;
  for (const Item& item : items) {
    slices += item.profile->slices;
  }
  const std::uint32_t each = std::max(profile.slices, 1U);
  const std::size_t least = (slices + each - 1) / each;
  if (least > profile.max_count) {
    return best;
  }
  for (std::size_t limit = least; limit < best.size(); ++limit) {
    Bins bins;
    if (pack_into(items, profile, 0, limit, bins)) {
      return bins;
    }
  }
  return best;
}

DesiredInstance instance_of(const GpuInstanceProfile& profile, const SourcePosition& position) {
  DesiredInstance instance;
  instance.profile = profile.name;
  instance.position = position;
  return instance;
}

std::optional<std::vector<DesiredInstance>> present(const Gpu& gpu,
                                                    const GpuInstanceProfile& profile,
                                                    std::vector<ProfileName> wanted,
                                                    const SourcePosition& position) {
  std::vector<DesiredInstance> grouping;
  std::vector<ProfileName> have;
  for (const GpuInstance& instance : gpu.instances) {
    if (instance.profile_id != profile.id || instance.compute_instances.empty()) {
      continue;
    }
    DesiredInstance same = instance_of(profile, position);
    for (const ComputeInstance& compute : instance.compute_instances) {
      same.compute_instances.push_back(compute.name);
      have.push_back(compute.name);
    }
    grouping.push_back(std::move(same));
  }
  std::sort(wanted.begin(), wanted.end());
  std::sort(have.begin(), have.end());
  return have == wanted ? std::optional(std::move(grouping)) : std::nullopt;
}

}  // namespace

std::vector<DesiredInstance> pack(const Gpu& gpu,
                                  const GpuInstanceProfile& profile,
                                  const std::vector<SpecDevices>& wanted) {
  std::vector<Item> items;
  std::vector<ProfileName> names;
  for (const SpecDevices& devices : wanted) {
    const ComputeInstanceProfile* compute = find_compute_profile(profile, devices.profile);
    for (std::uint32_t i = 0; compute != nullptr && i < devices.count; ++i) {
      items.push_back({compute, devices.position});
      names.push_back(compute->name);
    }
  }
  if (items.empty()) {
    return {};
  }
  if (auto grouping = present(gpu, profile, names, items[0].position)) {
    return *std::move(grouping);
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.profile->slices > b.profile->slices;
  });
  std::vector<DesiredInstance> instances;
  for (const auto& bin : fewest_bins(items, profile)) {
    DesiredInstance instance = instance_of(profile, items[bin[0]].position);
    for (const std::size_t i : bin) {
      instance.compute_instances.push_back(items[i].profile->name);
    }
    instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace mig::config
