// SPDX-License-Identifier: Apache-2.0
// Converts between Checkpoint and Inventory; checkpoint_text.cc has the JSON.
#include "config/checkpoint.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/compute_names.h"

namespace mig::config {
namespace {

std::string with_name(const Gpu& gpu) {
  return fmt::format("GPU {} ({})", gpu.index.value, gpu.name);
}

// Slices of an NVML_COMPUTE_INSTANCE_PROFILE_*: boards number the full size of a double-memory GPU
// instance differently, and a file from another board may have the plain number.
std::uint32_t slices_of(std::uint32_t nvml_profile) {
  static constexpr std::uint32_t kSlices[] = {1, 2, 3, 4, 7, 8, 6, 1, 7};
  return nvml_profile < std::size(kSlices) ? kSlices[nvml_profile] : 0;
}

std::string profile_str(const SavedInstance& instance) {
  return instance.profile ? instance.profile->str()
                          : fmt::format("GPU instance profile {}", instance.nvml_profile);
}

class Restorer {
 public:
  Restorer(const Checkpoint& checkpoint, const Inventory& inventory)
      : checkpoint_(checkpoint), inventory_(inventory) {}

  Result<DesiredLayout> run() {
    layout_.label = "checkpoint";
    for (const SavedGpu& saved : checkpoint_.gpus) {
      MIG_TRY(add(saved));
    }
    std::sort(layout_.gpus.begin(),
              layout_.gpus.end(),
              [](const DesiredGpu& a, const DesiredGpu& b) { return a.gpu < b.gpu; });
    for (const Gpu& gpu : inventory_.gpus) {
      const bool named = std::any_of(layout_.gpus.begin(), layout_.gpus.end(), [&](const auto& g) {
        return g.gpu == gpu.index;
      });
      if (!named && gpu.mig_current != MigMode::kUnsupported) {
        layout_.warnings.push_back(
            fmt::format("{} is not in {} and stays as it is", with_name(gpu), checkpoint_.file));
      }
    }
    return std::move(layout_);
  }

 private:
  Result<void> add(const SavedGpu& saved) {
    const Gpu* gpu = inventory_.find_gpu(saved.uuid);
    if (gpu == nullptr) {
      std::vector<std::string> there;
      for (const Gpu& other : inventory_.gpus) {
        there.push_back(other.uuid);
      }
      return inventory_.or_lost(Error{
          ErrorCode::kNothingMatched,
          fmt::format("{}: {} is not on this machine", checkpoint_.file, base::quoted(saved.uuid)),
          there.empty() ? "this machine has no GPU" : "it has " + base::join(there, ", "),
          {},
          {}});
    }
    if (gpu->mig_current == MigMode::kUnsupported && saved.mig_enabled) {
      return fail(
          ErrorCode::kNotSupported,
          fmt::format(
              "{}: {} had MIG enabled, but cannot do MIG now", checkpoint_.file, with_name(*gpu)));
    }
    DesiredGpu desired{gpu->index, saved.mig_enabled, {}, {checkpoint_.file, 0, 0}};
    for (const SavedInstance& instance : saved.instances) {
      MIG_ASSIGN_OR_RETURN(DesiredInstance wanted, instance_of(instance, *gpu));
      desired.instances.push_back(std::move(wanted));
    }
    layout_.gpus.push_back(std::move(desired));
    return {};
  }

  Error unknown(const std::string& what, const Gpu& gpu) const {
    return Error{
        ErrorCode::kNotSupported,
        fmt::format("{}: {} has no {}", checkpoint_.file, with_name(gpu), what),
        gpu.profiles.empty()
            ? "some drivers name profiles only with MIG on: restore the mode first (--mode-only)"
            : "the file was made with another board or driver; migctl profiles shows what it has",
        {},
        {}};
  }

  // Finds the profile by NVML's number; a name in the file must agree, or the number belongs to
  // another profile on this board.
  Result<DesiredInstance> instance_of(const SavedInstance& saved, const Gpu& gpu) {
    const auto profile = std::find_if(
        gpu.profiles.begin(), gpu.profiles.end(), [&](const GpuInstanceProfile& candidate) {
          return candidate.nvml_profile == saved.nvml_profile;
        });
    if (profile == gpu.profiles.end()) {
      return unknown(profile_str(saved), gpu);
    }
    if (saved.profile && *saved.profile != profile->name) {
      layout_.warnings.push_back(fmt::format("{}: {} is taken as {}, its name on {}",
                                             checkpoint_.file,
                                             saved.profile->str(),
                                             profile->name.str(),
                                             with_name(gpu)));
    }
    DesiredInstance wanted;
    wanted.profile = profile->name;
    wanted.placement = saved.placement;
    wanted.position.file = checkpoint_.file;
    for (const SavedCompute& compute : saved.compute_instances) {
      const ComputeInstanceProfile* found = compute_of(compute, *profile);
      if (found == nullptr) {
        return unknown(
            fmt::format(
                "compute instance profile {} in {}", compute.nvml_profile, profile->name.str()),
            gpu);
      }
      wanted.compute_instances.push_back(found->name);
      wanted.compute_placements.push_back(compute.placement);
    }
    return wanted;
  }

  static const ComputeInstanceProfile* compute_of(const SavedCompute& saved,
                                                  const GpuInstanceProfile& profile) {
    for (const ComputeInstanceProfile& candidate : profile.compute_profiles) {
      if (candidate.nvml_profile == saved.nvml_profile) {
        return &candidate;
      }
    }
    ProfileName same_size = profile.name;
    same_size.compute_slices = slices_of(saved.nvml_profile);
    return find_compute_profile(profile, same_size);
  }

  const Checkpoint& checkpoint_;
  const Inventory& inventory_;
  DesiredLayout layout_;
};

void add_renamed(const Gpu& gpu,
                 const SavedInstance& was,
                 const GpuInstance& is,
                 std::vector<std::string>& lines) {
  for (const SavedCompute& compute : was.compute_instances) {
    const auto now = std::find_if(
        is.compute_instances.begin(),
        is.compute_instances.end(),
        [&](const ComputeInstance& candidate) { return candidate.placement == compute.placement; });
    const bool known = !compute.uuid.empty() && compute.placement.has_value();
    if (known && now != is.compute_instances.end() && now->uuid != compute.uuid) {
      lines.push_back(fmt::format("GPU {} {} at {}:{}: {} is now {}",
                                  gpu.index.value,
                                  now->name.str(),
                                  is.placement.start,
                                  is.placement.size,
                                  compute.uuid,
                                  now->uuid));
    }
  }
}

}  // namespace

Result<DesiredLayout> wish_of(const Checkpoint& checkpoint, const Inventory& inventory) {
  return Restorer(checkpoint, inventory).run();
}

std::vector<std::string> renamed(const Checkpoint& checkpoint, const Inventory& inventory) {
  std::vector<std::string> lines;
  for (const SavedGpu& saved : checkpoint.gpus) {
    const Gpu* gpu = inventory.find_gpu(saved.uuid);
    if (gpu == nullptr) {
      continue;
    }
    for (const SavedInstance& was : saved.instances) {
      const auto is = std::find_if(
          gpu->instances.begin(), gpu->instances.end(), [&](const GpuInstance& candidate) {
            return candidate.placement == was.placement &&
                   candidate.nvml_profile == was.nvml_profile;
          });
      if (is != gpu->instances.end()) {
        add_renamed(*gpu, was, *is, lines);
      }
    }
  }
  return lines;
}

}  // namespace mig::config
