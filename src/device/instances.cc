// SPDX-License-Identifier: Apache-2.0
#include "device/instances.h"

#include <algorithm>
#include <map>
#include <utility>

#include "device/profiles.h"
#include "device/readings.h"
#include "model/compute_names.h"
#include "model/profile_names.h"

namespace mig::device {
namespace {

// More than any board has slots. The list calls ignore the buffer's size, and an A30's driver
// reports fewer instances than its profile holds.
constexpr unsigned kRoom = 64;

Error changed() {
  return Error{ErrorCode::kConflict,
               "the layout changed while it was read",
               "another program is changing it; try again",
               {},
               {}};
}

// Each profile is listed by a call of its own, so an instance destroyed between calls and its
// successor can both be in the result: a torn read, which no GPU ever was like.
bool share_a_place(const std::vector<GpuInstance>& instances) {
  std::uint64_t taken = 0;
  for (const GpuInstance& instance : instances) {
    const Placement place = instance.placement;
    for (std::uint32_t slot = place.start; slot < place.end() && slot < 64; ++slot) {
      if ((taken >> slot & 1U) != 0) {
        return true;
      }
      taken |= std::uint64_t{1} << slot;
    }
  }
  return false;
}

class InstanceReader {
 public:
  InstanceReader(const nvml::Functions& nvml,
                 const std::vector<MigDevice>& devices,
                 std::vector<GpuInstanceProfile>& profiles,
                 ComputeProfiles& compute)
      : nvml_(nvml), devices_(devices), profiles_(profiles), compute_(compute) {}

  // `only`: instances of this profile only.
  Result<InstanceList> read(nvmlDevice_t device, std::optional<ProfileId> only = std::nullopt) {
    InstanceList list;
    for (GpuInstanceProfile& profile : profiles_) {
      if (only && profile.id != *only) {
        continue;
      }
      std::vector<nvmlGpuInstance_t> handles(std::max(kRoom, profile.max_count));
      unsigned count = 0;
      const nvmlReturn_t code =
          nvml_.nvmlDeviceGetGpuInstances(device, profile.id.value, handles.data(), &count);
      if (code == NVML_ERROR_NO_PERMISSION) {
        list.complete = false;
        return list;
      }
      MIG_ASSIGN_OR_RETURN(const bool known, told_of_layout(code, "GPU instances"));
      if (!known) {
        continue;
      }
      handles.resize(std::min<std::size_t>(count, handles.size()));
      for (nvmlGpuInstance_t handle : handles) {
        MIG_ASSIGN_OR_RETURN(GpuInstance instance, read_instance(handle, profile));
        list.instances.push_back(std::move(instance));
      }
    }
    if (share_a_place(list.instances)) {
      return changed();
    }
    std::sort(list.instances.begin(), list.instances.end(), [](const auto& a, const auto& b) {
      return a.id < b.id;
    });
    return list;
  }

  // Empty when there is no instance with this id.
  Result<InstanceList> read_one(nvmlDevice_t device, GpuInstanceId id) {
    InstanceList list;
    nvmlGpuInstance_t handle = nullptr;
    nvmlReturn_t code = nvml_.nvmlDeviceGetGpuInstanceById(device, id.value, &handle);
    if (vanished(code)) {
      return list;
    }
    if (code == NVML_ERROR_NO_PERMISSION) {
      list.complete = false;
      return list;
    }
    nvmlGpuInstanceInfo_t info{};
    if (code == NVML_SUCCESS) {
      code = nvml_.nvmlGpuInstanceGetInfo(handle, &info);
    }
    if (vanished(code)) {
      return changed();
    }
    if (code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot read GPU instance " + std::to_string(id.value));
    }
    const auto profile =
        std::find_if(profiles_.begin(), profiles_.end(), [&](const GpuInstanceProfile& one) {
          return one.id.value == info.profileId;
        });
    if (profile == profiles_.end()) {
      return changed();
    }
    MIG_ASSIGN_OR_RETURN(GpuInstance instance, describe(handle, info, *profile));
    list.instances.push_back(std::move(instance));
    return list;
  }

 private:
  Result<GpuInstance> read_instance(nvmlGpuInstance_t handle, GpuInstanceProfile& profile) {
    nvmlGpuInstanceInfo_t info{};
    const nvmlReturn_t code = nvml_.nvmlGpuInstanceGetInfo(handle, &info);
    if (vanished(code)) {
      return changed();
    }
    if (code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot read a GPU instance of " + profile.name.str());
    }
    return describe(handle, info, profile);
  }

  Result<GpuInstance> describe(nvmlGpuInstance_t handle,
                               const nvmlGpuInstanceInfo_t& info,
                               GpuInstanceProfile& profile) {
    GpuInstance out;
    out.id = GpuInstanceId{info.id};
    out.profile_id = profile.id;
    out.nvml_profile = profile.nvml_profile;
    out.name = profile.name;
    out.placement = {info.placement.start, info.placement.size};
    out.memory_mib = profile.memory_mib;
    out.sm = profile.sm;
    MIG_ASSIGN_OR_RETURN(const auto* compute_profiles, compute_profiles_of(handle, profile));
    for (const ComputeProfile& compute : *compute_profiles) {
      MIG_TRY(read_compute(handle, compute, out));
    }
    std::sort(out.compute_instances.begin(),
              out.compute_instances.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    return out;
  }

  // Read once per GPU instance profile, from the first instance of the profile.
  Result<const std::vector<ComputeProfile>*> compute_profiles_of(nvmlGpuInstance_t handle,
                                                                 GpuInstanceProfile& profile) {
    const std::vector<ComputeProfile>* found = nullptr;
    for (const ComputeProfiles* known : {&compute_, &doubtful_}) {
      if (const auto at = known->find(profile.nvml_profile); at != known->end()) {
        found = &at->second;
      }
    }
    if (found == nullptr) {
      MIG_ASSIGN_OR_RETURN(auto read, read_compute_profiles(nvml_, handle, profile.name));
      ComputeProfiles& kept = lacks_some(read, profile, profiles_) ? doubtful_ : compute_;
      found = &kept.emplace(profile.nvml_profile, std::move(read)).first->second;
    }
    if (profile.compute_profiles_derived && !found->empty()) {
      profile.compute_profiles.clear();
      for (const ComputeProfile& compute : *found) {
        profile.compute_profiles.push_back(compute.profile);
      }
      profile.compute_profiles_derived = false;
    }
    return found;
  }

  // A driver refuses unsupported profiles, and may fail transiently for another: a list that lacks
  // an expected profile is not cached.
  static bool lacks_some(const std::vector<ComputeProfile>& read,
                         const GpuInstanceProfile& profile,
                         const std::vector<GpuInstanceProfile>& profiles) {
    const auto expected = derive_compute_profiles(profile, profiles);
    return std::any_of(expected.begin(), expected.end(), [&](const auto& one) {
      return std::none_of(read.begin(), read.end(), [&](const ComputeProfile& there) {
        return there.profile.name == one.name;
      });
    });
  }

  Result<void> read_compute(nvmlGpuInstance_t handle,
                            const ComputeProfile& compute,
                            GpuInstance& out) {
    std::vector<nvmlComputeInstance_t> handles(std::max(kRoom, compute.profile.max_count));
    unsigned count = 0;
    const nvmlReturn_t code =
        nvml_.nvmlGpuInstanceGetComputeInstances(handle, compute.id, handles.data(), &count);
    if (code == NVML_ERROR_NOT_SUPPORTED) {
      return {};
    }
    if (vanished(code)) {
      return changed();
    }
    if (code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot read compute instances of " + out.name.str());
    }
    handles.resize(std::min<std::size_t>(count, handles.size()));
    for (nvmlComputeInstance_t one : handles) {
      ComputeInstance instance;
      instance.nvml_profile = compute.profile.nvml_profile;
      instance.name = compute.profile.name;
      instance.sm = compute.profile.sm;
      MIG_TRY(read_compute_info(one, instance));
      add_device(out.id, instance);
      out.compute_instances.push_back(std::move(instance));
    }
    return {};
  }

  Result<void> read_compute_info(nvmlComputeInstance_t handle, ComputeInstance& out) {
    nvmlComputeInstanceInfo_t info{};
    nvmlReturn_t code = nvml_.nvmlComputeInstanceGetInfo_v2(handle, &info);
    if (code == NVML_SUCCESS) {
      out.placement = Placement{info.placement.start, info.placement.size};
    }
    if (code == NVML_ERROR_FUNCTION_NOT_FOUND) {
      nvmlComputeInstanceInfo_v1_t old{};
      code = nvml_.nvmlComputeInstanceGetInfo(handle, &old);
      info.id = old.id;
    }
    if (vanished(code)) {
      return changed();
    }
    if (code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot read a compute instance");
    }
    out.id = ComputeInstanceId{info.id};
    return {};
  }

  void add_device(GpuInstanceId gpu_instance, ComputeInstance& out) const {
    for (const MigDevice& device : devices_) {
      if (device.gpu_instance != gpu_instance.value || device.compute_instance != out.id.value) {
        continue;
      }
      out.uuid = device.uuid;
      out.device_index = device.index;
      out.memory_used_mib = device.memory_used_mib;
    }
  }

  const nvml::Functions& nvml_;
  const std::vector<MigDevice>& devices_;
  std::vector<GpuInstanceProfile>& profiles_;
  ComputeProfiles& compute_;
  ComputeProfiles doubtful_;  // not cached beyond this reading
};

// Name of the compute instance in a device name: "NVIDIA H200 MIG 1c.3g.71gb".
std::optional<ProfileName> name_in(const std::string& device_name) {
  const std::size_t at = device_name.rfind("MIG ");
  if (at == std::string::npos) {
    return std::nullopt;
  }
  auto name = ProfileName::parse(device_name.substr(at));
  return name ? std::optional(*name) : std::nullopt;
}

bool has_these(const GpuInstanceProfile& profile, const nvmlDeviceAttributes_t& told) {
  const Engines engines{told.sharedCopyEngineCount,
                        told.sharedDecoderCount,
                        told.sharedEncoderCount,
                        told.sharedJpegCount,
                        told.sharedOfaCount};
  return profile.slices == told.gpuInstanceSliceCount && profile.engines == engines &&
         profile.memory_mib == told.memorySizeMB;
}

// Profile of a MIG device's GPU instance. The device's name is its compute instance's, which has no
// attribute; slices, memory and engines are the GPU instance's. Where several profiles match
// (+gfx), the one that agrees with the name.
const GpuInstanceProfile* profile_of(const std::vector<GpuInstanceProfile>& profiles,
                                     const MigDevice& device,
                                     const ProfileName& name) {
  const GpuInstanceProfile* named = nullptr;
  const GpuInstanceProfile* fits = nullptr;
  for (const GpuInstanceProfile& profile : profiles) {
    const bool is_named = profile.name == name.gpu_instance();
    named = is_named ? &profile : named;
    if (device.attributes && has_these(profile, *device.attributes) &&
        (fits == nullptr || is_named)) {
      fits = &profile;
    }
  }
  return fits != nullptr ? fits : named;
}

GpuInstance instance_of(const MigDevice& device,
                        const ProfileName& name,
                        const GpuInstanceProfile* profile) {
  GpuInstance out;
  out.id = GpuInstanceId{device.gpu_instance};
  out.name = name.gpu_instance();
  out.memory_mib = device.memory_total_mib.value_or(0);
  if (profile != nullptr) {
    out.name = profile->name;
    out.profile_id = profile->id;
    out.nvml_profile = profile->nvml_profile;
    out.memory_mib = profile->memory_mib;
    out.sm = profile->sm;
    // The placement is reported to root only, except when the profile has a single one.
    if (profile->placements.size() == 1) {
      out.placement = profile->placements.front();
    }
  }
  return out;
}

ComputeInstance compute_of(const MigDevice& device,
                           const ProfileName& told,
                           const GpuInstanceProfile* profile) {
  ComputeInstance out;
  out.id = ComputeInstanceId{device.compute_instance};
  out.name = told;
  out.uuid = device.uuid;
  out.device_index = device.index;
  out.memory_used_mib = device.memory_used_mib;
  if (device.attributes) {
    out.sm = device.attributes->multiprocessorCount;
  }
  if (profile == nullptr) {
    return out;
  }
  out.name = profile->name;
  out.name.compute_slices =
      device.attributes ? device.attributes->computeInstanceSliceCount : told.compute_slices;
  ProfileName wanted = out.name;
  wanted.sm = out.sm;
  // Without a profile id the compute profile is identified by its SMs; else the plain one is
  // assumed.
  const ComputeInstanceProfile* compute = find_compute_profile(*profile, wanted);
  if (compute == nullptr) {
    compute = find_compute_profile(*profile, out.name);
  }
  if (compute != nullptr) {
    out.name = compute->name;
    out.nvml_profile = compute->nvml_profile;
  }
  return out;
}

// The unprivileged view: GPU instances that have compute instances, without placements.
InstanceList from_devices(const std::vector<MigDevice>& devices,
                          const std::vector<GpuInstanceProfile>& profiles) {
  InstanceList list;
  list.complete = false;
  std::map<std::uint32_t, GpuInstance> by_id;
  for (const MigDevice& device : devices) {
    const ProfileName name = name_in(device.name).value_or(ProfileName{});
    const GpuInstanceProfile* profile = profile_of(profiles, device, name);
    auto [found, fresh] = by_id.try_emplace(device.gpu_instance);
    if (fresh) {
      found->second = instance_of(device, name, profile);
    }
    found->second.compute_instances.push_back(compute_of(device, name, profile));
  }
  for (auto& [id, instance] : by_id) {
    list.instances.push_back(std::move(instance));
  }
  return list;
}

}  // namespace

Result<InstanceList> read_instances(const nvml::Functions& nvml,
                                    nvmlDevice_t device,
                                    const std::vector<MigDevice>& devices,
                                    std::vector<GpuInstanceProfile>& profiles,
                                    ComputeProfiles& compute) {
  MIG_ASSIGN_OR_RETURN(InstanceList list,
                       InstanceReader(nvml, devices, profiles, compute).read(device));
  if (!list.complete) {
    return from_devices(devices, profiles);
  }
  return list;
}

Result<InstanceList> read_scoped(const nvml::Functions& nvml,
                                 nvmlDevice_t device,
                                 const LayoutScope& scope,
                                 const std::vector<GpuInstanceProfile>& profiles,
                                 ComputeProfiles& compute) {
  std::vector<GpuInstanceProfile> copy = profiles;
  const std::vector<MigDevice> unseen;
  InstanceReader reader(nvml, unseen, copy, compute);
  return scope.gpu_instance ? reader.read_one(device, *scope.gpu_instance)
                            : reader.read(device, scope.profile);
}

}  // namespace mig::device
