// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_change.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kCreateGis = "create GPU instances";
constexpr const char* kCreateCis = "create compute instances";
constexpr const char* kDestroyGis = "destroy GPU instances";
constexpr const char* kDestroyCis = "destroy compute instances";
constexpr unsigned kMaxId = 0xFFFF;

// One item of a profile list: "9", "3g.20gb:4".
struct Wanted {
  std::string profile;
  std::optional<unsigned> start;
  bool valid = true;
};

Wanted parse_wanted(const std::string& word) {
  Wanted wanted;
  const std::size_t colon = word.find(':');
  wanted.profile = word.substr(0, colon);
  if (colon != std::string::npos) {
    const auto start = base::parse_decimal(word.substr(colon + 1), kMaxId);
    wanted.valid = start.has_value();
    if (start) {
      wanted.start = static_cast<unsigned>(*start);
    }
  }
  return wanted;
}

template <class Profile>
const Profile* find_profile(const std::vector<Profile>& profiles, const std::string& wanted) {
  const auto id = base::parse_decimal(wanted, kMaxId);
  const auto is_it = [&](const Profile& p) {
    return id ? p.id == *id : p.name == wanted || p.name == "MIG " + wanted;
  };
  const auto found = std::find_if(profiles.begin(), profiles.end(), is_it);
  return found == profiles.end() ? nullptr : &*found;
}

// Placement for a start: the size comes from the driver's list of placements.
nvmlReturn_t gi_placement(const Run& run,
                          const Gpu& gpu,
                          const GiProfile& profile,
                          unsigned start,
                          nvmlGpuInstancePlacement_t* placement) {
  unsigned count = 0;
  const auto& call = run.nvml.nvmlDeviceGetGpuInstancePossiblePlacements_v2;
  nvmlReturn_t code = call(gpu.device, profile.id, nullptr, &count);
  if ((code != NVML_SUCCESS && code != NVML_ERROR_INSUFFICIENT_SIZE) || count == 0) {
    return code == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : code;
  }
  std::vector<nvmlGpuInstancePlacement_t> all(count);
  code = call(gpu.device, profile.id, all.data(), &count);
  if (code == NVML_SUCCESS) {
    *placement = {start, all.front().size};
  }
  return code;
}

nvmlReturn_t create_gi(
    const Run& run, const Gpu& gpu, const GiProfile& profile, const Wanted& wanted, Gi* gi) {
  nvmlReturn_t code = NVML_SUCCESS;
  if (wanted.start) {
    nvmlGpuInstancePlacement_t placement{};
    code = gi_placement(run, gpu, profile, *wanted.start, &placement);
    if (code == NVML_SUCCESS) {
      code = run.nvml.nvmlDeviceCreateGpuInstanceWithPlacement(
          gpu.device, profile.id, &placement, &gi->handle);
    }
  } else {
    code = run.nvml.nvmlDeviceCreateGpuInstance(gpu.device, profile.id, &gi->handle);
  }
  nvmlGpuInstanceInfo_t info{};
  if (code == NVML_SUCCESS) {
    code = run.nvml.nvmlGpuInstanceGetInfo(gi->handle, &info);
  }
  gi->id = info.id;
  gi->profile = profile;
  return code;
}

// An instance's slots may differ from its slices (H100: 1c as ID 7 takes two), so the driver is
// asked.
nvmlReturn_t ci_placement(const Run& run,
                          const Gi& gi,
                          const CiProfile& profile,
                          unsigned start,
                          nvmlComputeInstancePlacement_t* placement) {
  unsigned count = 0;
  const auto& call = run.nvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements;
  nvmlReturn_t code = call(gi.handle, profile.id, nullptr, &count);
  if ((code != NVML_SUCCESS && code != NVML_ERROR_INSUFFICIENT_SIZE) || count == 0) {
    return code == NVML_SUCCESS ? NVML_ERROR_INVALID_ARGUMENT : code;
  }
  std::vector<nvmlComputeInstancePlacement_t> all(count);
  code = call(gi.handle, profile.id, all.data(), &count);
  if (code == NVML_SUCCESS) {
    *placement = {start, all.front().size};
  }
  return code;
}

// By id, else by name; of two with one name the one that fills the GPU instance, else the first.
const CiProfile* find_ci_profile(const std::vector<CiProfile>& profiles,
                                 const Gi& gi,
                                 const std::string& wanted) {
  const CiProfile* found = find_profile(profiles, wanted);
  const CiProfile* full = full_ci_profile(profiles, gi);
  const bool by_id = base::parse_decimal(wanted, kMaxId).has_value();
  return found != nullptr && full != nullptr && !by_id && found->name == full->name ? full : found;
}

nvmlReturn_t create_ci(
    const Run& run, const Gi& gi, const CiProfile& profile, const Wanted& wanted, unsigned* id) {
  nvmlComputeInstance_t handle = nullptr;
  nvmlReturn_t code = NVML_SUCCESS;
  if (wanted.start) {
    nvmlComputeInstancePlacement_t placement{};
    code = ci_placement(run, gi, profile, *wanted.start, &placement);
    if (code == NVML_SUCCESS) {
      code = run.nvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement(
          gi.handle, profile.id, &placement, &handle);
    }
  } else {
    code = run.nvml.nvmlGpuInstanceCreateComputeInstance(gi.handle, profile.id, &handle);
  }
  nvmlComputeInstanceInfo_t info{};
  if (code == NVML_SUCCESS) {
    code = run.nvml.nvmlComputeInstanceGetInfo_v2(handle, &info);
  }
  *id = info.id;
  return code;
}

// `word` "": the profile that fills the GPU instance.
int create_one_ci(const Run& run, const Gpu& gpu, const Gi& gi, const std::string& word) {
  std::vector<CiProfile> profiles;
  nvmlReturn_t code = ci_profiles(run, gi, &profiles);
  const Wanted wanted = parse_wanted(word);
  const CiProfile* profile =
      word.empty() ? full_ci_profile(profiles, gi) : find_ci_profile(profiles, gi, wanted.profile);
  unsigned id = 0;
  if (code == NVML_SUCCESS) {
    code = profile != nullptr && wanted.valid ? create_ci(run, gi, *profile, wanted, &id)
                                              : NVML_ERROR_INVALID_ARGUMENT;
  }
  if (code != NVML_SUCCESS) {
    const std::string name = !word.empty()        ? wanted.profile
                             : profile != nullptr ? std::to_string(profile->id)
                                                  : gi.profile.name;
    run.print(
        text("Unable to create a compute instance on GPU %2u GPU instance ID %2u using "
             "profile %s: %s\n",
             gpu.index,
             gi.id,
             name.c_str(),
             run.why(code).c_str()));
    return failed_to(run, kCreateCis, code);
  }
  run.print(
      text("Successfully created compute instance ID %2u on GPU %2u GPU instance ID %2u "
           "using profile %s (ID %2u)\n",
           id,
           gpu.index,
           gi.id,
           profile->name.c_str(),
           profile->id));
  return 0;
}

int create_one_gi(const Run& run,
                  const Gpu& gpu,
                  const std::vector<GiProfile>& profiles,
                  const std::string& word,
                  bool with_ci) {
  const Wanted wanted = parse_wanted(word);
  const GiProfile* profile = find_profile(profiles, wanted.profile);
  Gi gi;
  const nvmlReturn_t code = profile != nullptr && wanted.valid
                                ? create_gi(run, gpu, *profile, wanted, &gi)
                                : NVML_ERROR_INVALID_ARGUMENT;
  if (code != NVML_SUCCESS) {
    run.print(text("Unable to create a GPU instance on GPU %2u using profile %s: %s\n",
                   gpu.index,
                   wanted.profile.c_str(),
                   run.why(code).c_str()));
    return failed_to(run, kCreateGis, code);
  }
  run.print(text("Successfully created GPU instance ID %2u on GPU %2u using profile %s (ID %2u)\n",
                 gi.id,
                 gpu.index,
                 profile->name.c_str(),
                 profile->id));
  return with_ci ? create_one_ci(run, gpu, gi, "") : 0;
}

}  // namespace

int create_gis(const Run& run,
               const std::vector<Gpu>& gpus,
               const std::string& profiles,
               bool with_ci) {
  if (!run.begin_change()) {
    return kExitOther;
  }
  int exit = 0;
  for (const Gpu& gpu : enabled_gpus(run, gpus, kCreateGis, &exit)) {
    std::vector<GiProfile> known;
    if (const nvmlReturn_t code = gi_profiles(run, gpu.device, &known); code != NVML_SUCCESS) {
      return failed_to(run, kCreateGis, code);
    }
    for (const std::string& word : base::split(profiles, ',')) {
      if (const int refused = create_one_gi(run, gpu, known, word, with_ci); refused != 0) {
        return refused;
      }
    }
  }
  return exit;
}

int create_cis(const Run& run,
               const std::vector<Gpu>& gpus,
               const MigFilter& filter,
               const std::string& profiles) {
  if (!run.begin_change()) {
    return kExitOther;
  }
  int exit = 0;
  for (const auto& [gpu, gi] : wanted_gis(run, gpus, filter, kCreateCis, &exit)) {
    const std::vector<std::string> words =
        profiles.empty() ? std::vector<std::string>{""} : base::split(profiles, ',');
    for (const std::string& word : words) {
      if (const int refused = create_one_ci(run, gpu, gi, word); refused != 0) {
        return refused;
      }
    }
  }
  return exit;
}

int destroy_cis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  if (!run.begin_change()) {
    return kExitOther;
  }
  int exit = 0;
  bool found = false;
  const auto gis = wanted_gis(run, gpus, filter, kDestroyCis, &exit);
  for (const auto& [gpu, gi] : gis) {
    std::vector<Ci> cis;
    if (const nvmlReturn_t code = compute_instances(run, gi, &cis); code != NVML_SUCCESS) {
      return failed_to(run, kDestroyCis, code);
    }
    std::sort(cis.begin(), cis.end(), [](const Ci& a, const Ci& b) { return a.id < b.id; });
    for (const Ci& ci : cis) {
      if (!filter.wants_ci(ci.id)) {
        continue;
      }
      found = true;
      const nvmlReturn_t code = run.nvml.nvmlComputeInstanceDestroy(ci.handle);
      if (code != NVML_SUCCESS) {
        run.print(
            text("Unable to destroy compute instance ID %2u from GPU %2u GPU instance ID "
                 "%2u: %s\n",
                 ci.id,
                 gpu.index,
                 gi.id,
                 run.why(code).c_str()));
        return failed_to(run, kDestroyCis, code);
      }
      run.print(
          text("Successfully destroyed compute instance ID %2u from GPU %2u GPU instance ID "
               "%2u\n",
               ci.id,
               gpu.index,
               gi.id));
    }
  }
  if (!found && !gis.empty()) {
    run.print(text("No compute instances found: %s\n", run.why(NVML_ERROR_NOT_FOUND).c_str()));
    return exit_code(NVML_ERROR_NOT_FOUND);
  }
  return exit;
}

int destroy_gis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  if (!run.begin_change()) {
    return kExitOther;
  }
  int exit = 0;
  for (const auto& [gpu, gi] : wanted_gis(run, gpus, filter, kDestroyGis, &exit)) {
    const nvmlReturn_t code = run.nvml.nvmlGpuInstanceDestroy(gi.handle);
    if (code != NVML_SUCCESS) {
      run.print(text("Unable to destroy GPU instance ID %2u from GPU %2u: %s\n",
                     gi.id,
                     gpu.index,
                     run.why(code).c_str()));
      return failed_to(run, kDestroyGis, code);
    }
    run.print(text("Successfully destroyed GPU instance ID %2u from GPU %2u\n", gi.id, gpu.index));
  }
  return exit;
}

}  // namespace mig::smi
