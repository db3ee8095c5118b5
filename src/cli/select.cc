// SPDX-License-Identifier: Apache-2.0
#include "cli/select.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "model/compute_names.h"
#include "model/gpu_word.h"
#include "model/slots.h"

namespace mig::cli {
namespace {

constexpr std::uint64_t kMaxId = 0xFFFFFFFEU;

std::string gpus_there(const Inventory& inventory) {
  if (inventory.gpus.empty()) {
    return "this machine has no GPU";
  }
  std::vector<std::string> indices;
  for (const auto& gpu : inventory.gpus) {
    indices.push_back(std::to_string(gpu.index.value));
  }
  return fmt::format("this machine has GPU {}", base::join(indices, ", "));
}

std::vector<std::string> profile_names(const Gpu& gpu) {
  std::vector<std::string> names;
  for (const auto& profile : gpu.profiles) {
    names.push_back(profile.name.str());
  }
  return names;
}

Error unknown_profile(const Gpu& gpu, const std::string& word) {
  const auto near = base::nearest(word, profile_names(gpu), 3);
  const auto& shown = near.empty() ? profile_names(gpu) : near;
  return Error{
      ErrorCode::kNotSupported,
      fmt::format("GPU {} ({}) has no profile {}", gpu.index.value, gpu.name, word),
      shown.empty()
          ? "this GPU has no MIG profiles"
          : fmt::format("{}: {}", near.empty() ? "it has" : "the nearest", base::join(shown, ", ")),
      {},
      {}};
}

Result<const GpuInstanceProfile*> find_profile(const Gpu& gpu,
                                               const std::string& word,
                                               ProfileName& name) {
  const GpuInstanceProfile* profile = nullptr;
  if (const auto id = base::parse_decimal(word, kMaxId)) {
    profile = gpu.find_profile(ProfileId{static_cast<std::uint32_t>(*id)});
    if (profile != nullptr) {
      name = profile->name;
    }
  } else {
    MIG_ASSIGN_OR_RETURN(name, ProfileName::parse(word));
    profile = gpu.find_profile(name.gpu_instance());
  }
  if (profile == nullptr) {
    return unknown_profile(gpu, word);
  }
  return profile;
}

Error unknown_compute(const Gpu& gpu, const GpuInstanceProfile& profile, const std::string& word) {
  std::vector<std::string> names;
  for (const ComputeInstanceProfile& compute : profile.compute_profiles) {
    names.push_back(compute.name.str());
  }
  return Error{ErrorCode::kNotSupported,
               fmt::format("GPU {} ({}) has no profile {}", gpu.index.value, gpu.name, word),
               fmt::format("inside {} there are {}", profile.name.str(), base::join(names, ", ")),
               {},
               {}};
}

Result<Placement> find_placement(const GpuInstanceProfile& profile, const std::string& start) {
  const auto number = base::parse_decimal(start, kMaxId);
  for (const auto& placement : profile.placements) {
    if (number && placement.start == *number) {
      return placement;
    }
  }
  std::vector<std::string> starts;
  for (const auto& placement : profile.placements) {
    starts.push_back(std::to_string(placement.start));
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} cannot start at {}", profile.name.str(), base::quoted(start)),
              fmt::format("it may start at {}", base::join(starts, ", ")));
}

Result<Placement> find_compute_placement(const GpuInstanceProfile& profile,
                                         const ProfileName& name,
                                         const std::string& start) {
  const ComputeInstanceProfile* compute = find_compute_profile(profile, name);
  if (compute == nullptr) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("{} has no compute instance {}", profile.name.str(), name.str()),
                "migctl profiles lists them");
  }
  std::vector<std::string> starts;
  const auto number = base::parse_decimal(start, kMaxId);
  if (const auto at =
          number ? compute_placement_at(profile, *compute, static_cast<std::uint32_t>(*number))
                 : std::nullopt) {
    return *at;
  }
  for (const auto& placement : compute->placements) {
    starts.push_back(std::to_string(placement.start));
  }
  return fail(ErrorCode::kUsage,
              fmt::format("the compute instance {} cannot start at {} of its GPU instance",
                          name.str(),
                          base::quoted(start)),
              starts.empty() ? fmt::format("{} has {}",
                                           profile.name.str(),
                                           base::counted(profile.slices, "compute slice"))
                             : fmt::format("it may start at {}", base::join(starts, ", ")));
}

}  // namespace

Result<std::vector<GpuIndex>> select_gpus(const Inventory& inventory,
                                          const std::vector<std::string>& words) {
  std::vector<GpuIndex> found;
  const bool all = words.empty() || (words.size() == 1 && words.front() == "all");
  if (all) {
    MIG_TRY(inventory.none_lost());
  }
  if (all) {
    for (const auto& gpu : inventory.gpus) {
      found.push_back(gpu.index);
    }
  } else {
    for (const auto& word : words) {
      MIG_ASSIGN_OR_RETURN(const GpuIndex index, select_gpu(inventory, word));
      found.push_back(index);
    }
  }
  if (found.empty()) {
    return fail(ErrorCode::kNothingMatched, "this machine has no GPU");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Result<GpuIndex> select_gpu(const Inventory& inventory, const std::string& word) {
  const GpuWord named(word);
  const Gpu* gpu = named.find(inventory);
  if (const LostGpu* lost = named.find_lost(inventory); gpu == nullptr && lost != nullptr) {
    return lost->why;
  }
  if (gpu == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("no GPU matches {}", base::quoted(word)),
                gpus_there(inventory) + "; `migctl list` shows them");
  }
  return gpu->index;
}

Result<void> keep_gpus(Inventory& inventory, const std::vector<std::string>& words) {
  if (words.empty() || (words.size() == 1 && words.front() == "all")) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const auto wanted, select_gpus(inventory, words));
  inventory.lost.clear();
  inventory.warnings.clear();
  std::erase_if(inventory.gpus, [&](const Gpu& gpu) {
    return std::find(wanted.begin(), wanted.end(), gpu.index) == wanted.end();
  });
  return {};
}

Result<DesiredInstance> parse_instance(const Gpu& gpu,
                                       const std::string& word,
                                       bool compute_instance) {
  const std::size_t colon = word.find(':');
  ProfileName name;
  MIG_ASSIGN_OR_RETURN(const GpuInstanceProfile* profile,
                       find_profile(gpu, word.substr(0, colon), name));
  DesiredInstance instance;
  instance.profile = profile->name;
  if (compute_instance) {
    const ComputeInstanceProfile* compute = find_compute_profile(*profile, name);
    if (compute == nullptr && !profile->compute_profiles.empty()) {
      return unknown_compute(gpu, *profile, word);
    }
    instance.compute_instances.push_back(compute == nullptr ? name : compute->name);
  } else if (!name.full_size()) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} names a compute instance, and --no-compute asks for none", word));
  }
  if (colon == std::string::npos) {
    return instance;
  }
  const std::size_t slash = word.find('/', colon);
  MIG_ASSIGN_OR_RETURN(instance.placement,
                       find_placement(*profile, word.substr(colon + 1, slash - colon - 1)));
  if (slash == std::string::npos) {
    return instance;
  }
  if (!compute_instance) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} places a compute instance, and --no-compute asks for none", word));
  }
  MIG_ASSIGN_OR_RETURN(const Placement inside,
                       find_compute_placement(*profile, name, word.substr(slash + 1)));
  instance.compute_placements = {inside};
  return instance;
}

}  // namespace mig::cli
