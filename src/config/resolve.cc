// SPDX-License-Identifier: Apache-2.0
// Spec + Inventory -> DesiredLayout.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"
#include "config/pack.h"
#include "config/spec.h"
#include "model/compute_names.h"

namespace mig::config {
namespace {

std::string gpu_str(const Gpu& gpu) {
  return fmt::format("GPU {} ({})", gpu.index.value, gpu.name);
}

std::string gpus_that_exist(const Inventory& inventory) {
  std::vector<std::string> names;
  for (const Gpu& gpu : inventory.gpus) {
    names.push_back(
        fmt::format("GPU {} ({}, 0x{:08X})", gpu.index.value, gpu.name, gpu.pci_device_id));
  }
  return names.empty() ? "this machine has no GPU" : "this machine has " + base::join(names, ", ");
}

Result<const SpecConfig*> select(const Spec& spec, const std::optional<std::string>& label) {
  std::vector<std::string> labels;
  for (const SpecConfig& config : spec.configs) {
    labels.push_back(config.label);
  }
  if (labels.empty()) {
    return fail(
        ErrorCode::kNotFound, "the layout file holds no config", "add one under mig-configs");
  }
  if (!label && labels.size() > 1) {
    return fail(ErrorCode::kUsage,
                "the layout file holds more than one config and none was selected",
                fmt::format("select one: {}", base::join(labels, ", ")));
  }
  for (const SpecConfig& config : spec.configs) {
    if (!label || config.label == *label) {
      if (config.refused) {
        return *config.refused;
      }
      return &config;
    }
  }
  const auto near = base::nearest(*label, labels, 1);
  return fail(ErrorCode::kNotFound,
              fmt::format("the layout file holds no config {}", base::quoted(*label)),
              fmt::format("{}it holds {}",
                          near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near[0]),
                          base::join(labels, ", ")));
}

bool passes(const SpecEntry& entry, const Gpu& gpu) {
  return entry.filters.empty() ||
         std::any_of(entry.filters.begin(), entry.filters.end(), [&](const DeviceFilter& filter) {
           return filter.device_id == gpu.pci_device_id &&
                  filter.subsystem_id.value_or(gpu.pci_subsystem_id) == gpu.pci_subsystem_id;
         });
}

bool listed(const SpecEntry& entry, const Gpu& gpu) {
  return !entry.devices ||
         std::find(entry.devices->begin(), entry.devices->end(), gpu.index.value) !=
             entry.devices->end();
}

class Resolver {
 public:
  Resolver(const SpecConfig& config, const Inventory& inventory)
      : config_(config), inventory_(inventory) {}

  Result<DesiredLayout> run() {
    for (const SpecEntry& entry : config_.entries) {
      MIG_TRY(add_entry(entry));
    }
    if (matched_ == 0) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("{}: no entry of {} matches a GPU of this machine",
                              config_.position.str(),
                              base::quoted(config_.label)),
                  gpus_that_exist(inventory_));
    }
    DesiredLayout layout{config_.label, {}, std::move(warnings_)};
    if (elsewhere_ > 0) {
      layout.warnings.push_back(
          fmt::format("{} of {} entries of {} are for other GPUs than this machine has",
                      elsewhere_,
                      config_.entries.size(),
                      base::quoted(config_.label)));
    }
    for (auto& [index, gpu] : chosen_) {
      layout.gpus.push_back(std::move(gpu));
    }
    return layout;
  }

 private:
  // A GPU that cannot be opened is known by its index only: any filter may match it.
  Result<void> check_lost(const SpecEntry& entry) const {
    for (const LostGpu& lost : inventory_.lost) {
      const bool named = !entry.devices || std::find(entry.devices->begin(),
                                                     entry.devices->end(),
                                                     lost.index.value) != entry.devices->end();
      if (named) {
        Error why = lost.why;
        return std::move(why).in(entry.position.str());
      }
    }
    return {};
  }

  Result<void> add_entry(const SpecEntry& entry) {
    MIG_TRY(check_lost(entry));
    std::vector<const Gpu*> filtered;
    for (const Gpu& gpu : inventory_.gpus) {
      if (passes(entry, gpu)) {
        filtered.push_back(&gpu);
      }
    }
    if (filtered.empty() && !entry.filters.empty()) {
      ++elsewhere_;  // one file serves many machines: other entries may match here
      return {};
    }
    MIG_ASSIGN_OR_RETURN(const auto gpus, pick(entry, filtered));
    matched_ += gpus.size();
    warn_zero_counts(entry);
    std::size_t capable = 0;
    for (const Gpu* gpu : gpus) {
      MIG_ASSIGN_OR_RETURN(const bool done, add_gpu(entry, *gpu));
      capable += done ? 1 : 0;
    }
    if (capable == 0 && entry.mig_enabled) {
      return fail(
          ErrorCode::kNotSupported,
          fmt::format("{}: mig-enabled is true, but no GPU that this entry names can do MIG",
                      entry.position.str()),
          gpus_that_exist(inventory_));
    }
    return {};
  }

  Result<std::vector<const Gpu*>> pick(const SpecEntry& entry,
                                       const std::vector<const Gpu*>& filtered) {
    std::vector<const Gpu*> gpus;
    std::copy_if(filtered.begin(), filtered.end(), std::back_inserter(gpus), [&](const Gpu* gpu) {
      return listed(entry, *gpu);
    });
    for (const std::uint32_t index : entry.devices.value_or(std::vector<std::uint32_t>{})) {
      const Gpu* gpu = inventory_.find_gpu(GpuIndex{index});
      if (gpu == nullptr) {
        return fail(
            ErrorCode::kNothingMatched,
            fmt::format(
                "{}: devices names GPU {}, which does not exist", entry.position.str(), index),
            gpus_that_exist(inventory_));
      }
      if (!passes(entry, *gpu)) {
        warnings_.push_back(
            fmt::format("{}: devices names {}, which device-filter leaves out (it is 0x{:08X})",
                        entry.position.str(),
                        gpu_str(*gpu),
                        gpu->pci_device_id));
      }
    }
    if (gpus.empty()) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("{}: this entry matches no GPU", entry.position.str()),
                  gpus_that_exist(inventory_));
    }
    return gpus;
  }

  void warn_zero_counts(const SpecEntry& entry) {
    for (const SpecDevices& devices : entry.mig_devices) {
      if (devices.count == 0) {
        warnings_.push_back(
            fmt::format("{}: {}: 0 has no effect", devices.position.str(), devices.profile.str()));
      }
    }
  }

  // false: this GPU does not support MIG, and the entry does not need it.
  Result<bool> add_gpu(const SpecEntry& entry, const Gpu& gpu) {
    if (gpu.mig_current == MigMode::kUnsupported) {
      if (!entry.mig_enabled) {
        return false;
      }
      if (entry.devices) {
        return fail(ErrorCode::kNotSupported,
                    fmt::format("{}: {} cannot do MIG", entry.position.str(), gpu_str(gpu)),
                    (gpu.has_outputs() ? gpu.way_to_mig() + "; or " : "") +
                        "leave it out of devices, or set mig-enabled: false for it");
      }
      warnings_.push_back(fmt::format("{}: {} cannot do MIG and is left out{}{}",
                                      entry.position.str(),
                                      gpu_str(gpu),
                                      gpu.has_outputs() ? "; " : "",
                                      gpu.way_to_mig()));
      return false;
    }
    DesiredGpu desired{gpu.index, entry.mig_enabled, {}, entry.position};
    MIG_ASSIGN_OR_RETURN(desired.instances, instances(entry, gpu));
    const auto [it, fresh] = chosen_.try_emplace(gpu.index, std::move(desired));
    if (!fresh) {
      warnings_.push_back(
          fmt::format("{}: {} is named by the entry at {} too; the later one counts",
                      entry.position.str(),
                      gpu_str(gpu),
                      it->second.position.str()));
      it->second = std::move(desired);
    }
    return true;
  }

  Result<std::vector<DesiredInstance>> instances(const SpecEntry& entry, const Gpu& gpu) {
    std::vector<std::pair<const GpuInstanceProfile*, std::vector<SpecDevices>>> groups;
    for (const SpecDevices& devices : entry.mig_devices) {
      MIG_ASSIGN_OR_RETURN(const GpuInstanceProfile* profile, known_profile(devices, gpu));
      const auto it = std::find_if(
          groups.begin(), groups.end(), [&](const auto& group) { return group.first == profile; });
      auto& group =
          it != groups.end() ? *it : groups.emplace_back(profile, std::vector<SpecDevices>{});
      group.second.push_back(devices);
    }
    std::vector<DesiredInstance> all;
    for (const auto& [profile, wanted] : groups) {
      for (DesiredInstance& instance : pack(gpu, *profile, wanted)) {
        all.push_back(std::move(instance));
      }
    }
    return all;
  }

  Result<const GpuInstanceProfile*> known_profile(const SpecDevices& devices, const Gpu& gpu);

  const SpecConfig& config_;
  const Inventory& inventory_;
  std::map<GpuIndex, DesiredGpu> chosen_;
  std::vector<std::string> warnings_;
  std::size_t matched_ = 0;
  std::size_t elsewhere_ = 0;
};

// Drivers differ by a gigabyte in the name of one profile (7g.79gb, 7g.80gb): equal slices and
// attributes and a size within 5 % match when exactly one profile is that near.
const GpuInstanceProfile* same_under_another_name(const ProfileName& wanted, const Gpu& gpu) {
  const GpuInstanceProfile* found = nullptr;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    const ProfileName& name = profile.name;
    const std::uint32_t apart =
        std::max(name.memory_gb, wanted.memory_gb) - std::min(name.memory_gb, wanted.memory_gb);
    if (name.gpu_slices == wanted.gpu_slices && name.attributes == wanted.attributes &&
        apart * 20 <= wanted.memory_gb) {
      if (found != nullptr) {
        return nullptr;
      }
      found = &profile;
    }
  }
  return found;
}

std::vector<std::string> names_of(const Gpu& gpu, const GpuInstanceProfile* only) {
  std::vector<std::string> names;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (only == nullptr) {
      names.push_back(profile.name.str());
    }
    for (const ComputeInstanceProfile& compute : profile.compute_profiles) {
      if (only == &profile) {
        names.push_back(compute.name.str());
      }
    }
  }
  return names;
}

Result<const GpuInstanceProfile*> Resolver::known_profile(const SpecDevices& devices,
                                                          const Gpu& gpu) {
  const std::string where = devices.position.str();
  const std::string wanted = devices.profile.str();
  const GpuInstanceProfile* profile = gpu.find_profile(devices.profile);
  if (profile == nullptr) {
    profile = same_under_another_name(devices.profile, gpu);
    if (profile != nullptr) {
      warnings_.push_back(fmt::format("{}: {} is taken as {}, its name on {}",
                                      where,
                                      wanted,
                                      profile->name.str(),
                                      gpu_str(gpu)));
    }
  }
  if (gpu.profiles.empty()) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{}: the driver names no profile of {}", where, gpu_str(gpu)),
                "some drivers do so only with MIG on: migctl mode enable");
  }
  const bool compute_known =
      profile != nullptr && find_compute_profile(*profile, devices.profile) != nullptr;
  if (compute_known) {
    return profile;
  }
  const auto names = names_of(gpu, profile);
  const auto near = base::nearest(wanted, names);
  return fail(ErrorCode::kNotSupported,
              fmt::format("{}: {} has no profile {}", where, gpu_str(gpu), wanted),
              fmt::format("{}{} {}",
                          near.empty() ? "" : fmt::format("nearest: {}; ", base::join(near, ", ")),
                          profile == nullptr ? "it has" : "inside it there are",
                          base::join(names, ", ")));
}

}  // namespace

Result<DesiredLayout> resolve(const Spec& spec,
                              const std::optional<std::string>& label,
                              const Inventory& inventory) {
  MIG_ASSIGN_OR_RETURN(const SpecConfig* config, select(spec, label));
  MIG_ASSIGN_OR_RETURN(DesiredLayout layout, Resolver(*config, inventory).run());
  layout.warnings.insert(layout.warnings.begin(), spec.warnings.begin(), spec.warnings.end());
  return layout;
}

}  // namespace mig::config
