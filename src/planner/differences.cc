// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include <fmt/format.h>

#include "model/compute_names.h"
#include "planner/planner.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

// What an assert compares of an instance: its profile and its compute instances.
struct Key {
  ProfileName profile;
  std::vector<ProfileName> compute;  // sorted
  friend auto operator<=>(const Key&, const Key&) = default;
};

Key key_of(const ProfileName& profile, std::vector<ProfileName> compute) {
  std::sort(compute.begin(), compute.end());
  return {profile, std::move(compute)};
}

// The compute profile's name on this GPU: its "1c.2g.20gb@16sm" may be the plain 1c.2g.20gb.
ProfileName known_as(const Gpu& gpu, const ProfileName& wanted) {
  const GpuInstanceProfile* profile = gpu.find_profile(wanted);
  const auto* compute = profile == nullptr ? nullptr : find_compute_profile(*profile, wanted);
  return compute == nullptr ? wanted : compute->name;
}

Key key_of(const Gpu& gpu, const DesiredInstance& wanted) {
  std::vector<ProfileName> compute;
  for (const ProfileName& name : wanted.compute_instances) {
    compute.push_back(known_as(gpu, name));
  }
  return key_of(wanted.profile, std::move(compute));
}

Key key_of(const GpuInstance& instance) {
  std::vector<ProfileName> compute;
  for (const ComputeInstance& c : instance.compute_instances) {
    compute.push_back(c.name);
  }
  return key_of(instance.name, std::move(compute));
}

// An instance for messages: "3g.20gb", "3g.20gb holding 2 x 1c.3g.20gb", "3g.20gb without compute
// instance".
std::string str(const Key& key) {
  if (key.compute.empty()) {
    return key.profile.str() + " without compute instance";
  }
  if (key.compute.size() == 1 && key.compute[0] == key.profile) {
    return key.profile.str();
  }
  std::map<std::string, std::size_t> counts;
  for (const ProfileName& name : key.compute) {
    ++counts[name.str()];
  }
  return fmt::format("{} holding {}", key.profile.str(), multiset({counts.begin(), counts.end()}));
}

std::string_view mode_name(bool enabled) {
  return enabled ? "enabled" : "disabled";
}

void compare_mode(const Gpu& gpu, bool enabled, std::vector<std::string>& out) {
  const MigMode wanted = enabled ? MigMode::kEnabled : MigMode::kDisabled;
  if (gpu.mig_current == MigMode::kUnsupported) {
    if (enabled) {
      out.push_back(
          fmt::format("GPU {}: MIG is wanted, but {} cannot do it", gpu.index.value, gpu.name));
    }
  } else if (gpu.mig_current != wanted) {
    out.push_back(fmt::format(
        "GPU {}: MIG is {}, wanted {}", gpu.index.value, mode_name(!enabled), mode_name(enabled)));
  } else if (gpu.mig_pending != wanted) {
    out.push_back(fmt::format("GPU {}: MIG is {}, but {} after the next reset",
                              gpu.index.value,
                              mode_name(enabled),
                              mode_name(!enabled)));
  }
}

// Compares placements that are both given and reported by the driver.
void compare_compute_places(const Gpu& gpu,
                            const GpuInstance& instance,
                            const DesiredInstance& wanted,
                            std::vector<std::string>& out) {
  const auto& computes = instance.compute_instances;
  const bool told = std::all_of(computes.begin(), computes.end(), [](const ComputeInstance& c) {
    return c.placement.has_value();
  });
  const std::size_t given =
      std::min(wanted.compute_instances.size(), wanted.compute_placements.size());
  for (std::size_t i = 0; told && i < given; ++i) {
    const auto& place = wanted.compute_placements[i];
    if (place && std::none_of(computes.begin(), computes.end(), [&](const ComputeInstance& c) {
          return c.placement == place && c.name == known_as(gpu, wanted.compute_instances[i]);
        })) {
      out.push_back(fmt::format("GPU {}: compute instance {} wanted at {} in {} at {}, not there",
                                gpu.index.value,
                                wanted.compute_instances[i].str(),
                                range(*place),
                                wanted.profile.str(),
                                slots(*wanted.placement)));
    }
  }
}

void compare_instances(const Gpu& gpu, const DesiredGpu& desired, std::vector<std::string>& out) {
  std::map<Key, std::pair<std::size_t, std::size_t>> counts;  // number wanted, number present
  for (const DesiredInstance& instance : desired.instances) {
    ++counts[key_of(gpu, instance)].first;
  }
  for (const GpuInstance& instance : gpu.instances) {
    ++counts[key_of(instance)].second;
  }
  for (const auto& [key, count] : counts) {
    if (count.first != count.second) {
      out.push_back(fmt::format("GPU {}: {} x {} wanted, {} there",
                                gpu.index.value,
                                count.first,
                                str(key),
                                count.second));
    }
  }
  for (const DesiredInstance& wanted : desired.instances) {
    if (!wanted.placement) {
      continue;
    }
    const auto there =
        std::find_if(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& instance) {
          return instance.placement == *wanted.placement && instance.name == wanted.profile;
        });
    if (there == gpu.instances.end()) {
      out.push_back(fmt::format("GPU {}: {} wanted at {}, not there",
                                gpu.index.value,
                                wanted.profile.str(),
                                slots(*wanted.placement)));
    } else {
      compare_compute_places(gpu, *there, wanted, out);
    }
  }
}

}  // namespace

std::vector<std::string> differences(const Inventory& inventory, const DesiredLayout& desired) {
  std::vector<std::string> out;
  for (const DesiredGpu& wanted : desired.gpus) {
    const Gpu* gpu = inventory.find_gpu(wanted.gpu);
    if (gpu == nullptr) {
      out.push_back(fmt::format("GPU {}: does not exist", wanted.gpu.value));
      continue;
    }
    compare_mode(*gpu, wanted.mig_enabled, out);
    if (gpu->mig_current == MigMode::kEnabled && wanted.mig_enabled) {
      compare_instances(*gpu, wanted, out);
    }
  }
  return out;
}

}  // namespace mig::planner
