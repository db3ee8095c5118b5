// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_list.h"

#include <algorithm>

#include "smi/mig_tables.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kGiProfiles = "display GPU instance profiles";
constexpr const char* kGiPlacements = "display GPU instance possible placements";
constexpr const char* kCiProfiles = "display compute instance profiles";
constexpr const char* kCiPlacements = "display compute instance possible placements";

bool wants(const std::vector<unsigned>& ids, unsigned id) {
  return ids.empty() || std::find(ids.begin(), ids.end(), id) != ids.end();
}

// GPUs that support MIG, whether on or off: profiles can be listed before MIG is enabled (R580).
std::vector<Gpu> supported_gpus(const Run& run,
                                const std::vector<Gpu>& gpus,
                                const char* what,
                                int* exit) {
  *exit = 0;
  std::vector<Gpu> supported;
  for (const Gpu& gpu : gpus) {
    MigMode mode;
    if (const nvmlReturn_t code = mig_mode(run, gpu.device, &mode); code != NVML_SUCCESS) {
      *exit = failed_to(run, what, code);
      return {};
    }
    if (mode.supported) {
      supported.push_back(gpu);
    }
  }
  if (supported.empty()) {
    run.print("No MIG-supported devices found.\n");
  }
  return supported;
}

nvmlReturn_t gi_profile_rows(const Run& run, const Gpu& gpu, std::vector<GiProfileRow>* rows) {
  std::vector<GiProfile> profiles;
  nvmlReturn_t code = gi_profiles(run, gpu.device, &profiles);
  for (const GiProfile& p : profiles) {
    unsigned free = 0;
    if (code == NVML_SUCCESS) {
      code = run.nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(gpu.device, p.id, &free);
    }
    if (code != NVML_SUCCESS) {
      return code;
    }
    rows->push_back({gpu.index,
                     p.id,
                     free,
                     p.max_count,
                     p.memory_mib,
                     p.p2p,
                     p.sm,
                     p.decoders,
                     p.encoders,
                     p.copy_engines,
                     p.jpeg,
                     p.ofa,
                     p.name});
  }
  return code;
}

// NVML returns the count with a null array, and ignores the size of a given array.
template <class Placement, class Call>
nvmlReturn_t read_placements(const Call& call, std::vector<Placement>* placements) {
  unsigned count = 0;
  nvmlReturn_t code = call(nullptr, &count);
  if ((code != NVML_SUCCESS && code != NVML_ERROR_INSUFFICIENT_SIZE) || count == 0) {
    return code;
  }
  placements->resize(count);
  code = call(placements->data(), &count);
  placements->resize(code == NVML_SUCCESS ? std::min<std::size_t>(count, placements->size()) : 0);
  return code;
}

template <class Placement>
PlacementRow placement_row(unsigned gpu,
                           unsigned profile,
                           const std::vector<Placement>& placements) {
  PlacementRow row{gpu, profile, {}, placements.front().size};
  for (const Placement& placement : placements) {
    row.starts.push_back(placement.start);
  }
  return row;
}

}  // namespace

bool MigFilter::wants_gi(unsigned id) const {
  return wants(gi, id);
}

bool MigFilter::wants_ci(unsigned id) const {
  return wants(ci, id);
}

int failed_to(const Run& run, const char* what, nvmlReturn_t code) {
  run.print(text("Failed to %s: %s\n", what, run.why(code).c_str()));
  return exit_code(code);
}

std::vector<Gpu> enabled_gpus(const Run& run,
                              const std::vector<Gpu>& gpus,
                              const char* what,
                              int* exit) {
  *exit = 0;
  std::vector<Gpu> enabled;
  for (const Gpu& gpu : gpus) {
    MigMode mode;
    if (const nvmlReturn_t code = mig_mode(run, gpu.device, &mode); code != NVML_SUCCESS) {
      *exit = failed_to(run, what, code);
      return {};
    }
    if (mode.enabled) {
      enabled.push_back(gpu);
    }
  }
  if (enabled.empty()) {
    run.print("No MIG-enabled devices found.\n");
  }
  return enabled;
}

std::vector<GiOnGpu> wanted_gis(const Run& run,
                                const std::vector<Gpu>& gpus,
                                const MigFilter& filter,
                                const char* what,
                                int* exit) {
  const std::vector<Gpu> enabled = enabled_gpus(run, gpus, what, exit);
  std::vector<GiOnGpu> wanted;
  for (const Gpu& gpu : enabled) {
    std::vector<Gi> gis;
    if (const nvmlReturn_t code = gpu_instances(run, gpu.device, &gis); code != NVML_SUCCESS) {
      *exit = failed_to(run, what, code);
      return {};
    }
    for (Gi& gi : gis) {
      if (filter.wants_gi(gi.id)) {
        wanted.push_back({gpu, std::move(gi)});
      }
    }
  }
  if (wanted.empty() && !enabled.empty()) {
    run.print(text("No GPU instances found: %s\n", run.why(NVML_ERROR_NOT_FOUND).c_str()));
    *exit = exit_code(NVML_ERROR_NOT_FOUND);
  }
  return wanted;
}

int list_gi_profiles(const Run& run, const std::vector<Gpu>& gpus) {
  int exit = 0;
  std::vector<GiProfileRow> rows;
  for (const Gpu& gpu : supported_gpus(run, gpus, kGiProfiles, &exit)) {
    if (const nvmlReturn_t code = gi_profile_rows(run, gpu, &rows); code != NVML_SUCCESS) {
      return failed_to(run, kGiProfiles, code);
    }
  }
  if (!rows.empty()) {
    run.print(gi_profile_table(rows));
  }
  return exit;
}

int list_gi_placements(const Run& run, const std::vector<Gpu>& gpus) {
  int exit = 0;
  for (const Gpu& gpu : supported_gpus(run, gpus, kGiPlacements, &exit)) {
    std::vector<GiProfile> profiles;
    if (const nvmlReturn_t code = gi_profiles(run, gpu.device, &profiles); code != NVML_SUCCESS) {
      return failed_to(run, kGiPlacements, code);
    }
    for (const GiProfile& profile : profiles) {
      std::vector<nvmlGpuInstancePlacement_t> placements;
      const auto call = [&](nvmlGpuInstancePlacement_t* room, unsigned* count) {
        return run.nvml.nvmlDeviceGetGpuInstancePossiblePlacements_v2(
            gpu.device, profile.id, room, count);
      };
      if (const nvmlReturn_t code = read_placements(call, &placements); code != NVML_SUCCESS) {
        return failed_to(run, kGiPlacements, code);
      }
      if (!placements.empty()) {
        run.print(gi_placement_line(placement_row(gpu.index, profile.id, placements)));
      }
    }
  }
  return exit;
}

int list_gis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  int exit = 0;
  std::vector<GiRow> rows;
  for (const GiOnGpu& found : wanted_gis(run, gpus, filter, "display GPU instances", &exit)) {
    const Gi& gi = found.gi;
    rows.push_back({found.gpu.index, gi.profile.name, gi.profile.id, gi.id, gi.start, gi.size});
  }
  if (!rows.empty()) {
    run.print(gi_table(rows));
  }
  return exit;
}

int list_ci_profiles(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  int exit = 0;
  std::vector<CiProfileRow> rows;
  for (const GiOnGpu& found : wanted_gis(run, gpus, filter, kCiProfiles, &exit)) {
    const Gi& gi = found.gi;
    std::vector<CiProfile> profiles;
    nvmlReturn_t code = ci_profiles(run, gi, &profiles);
    for (const CiProfile& p : profiles) {
      unsigned free = 0;
      if (code == NVML_SUCCESS) {
        code = run.nvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi.handle, p.id, &free);
      }
      const bool is_default = &p == full_ci_profile(profiles, gi);
      rows.push_back({found.gpu.index,
                      gi.id,
                      p.name,
                      p.id,
                      is_default,
                      free,
                      p.max_count,
                      p.sm,
                      p.decoders,
                      p.encoders,
                      p.ofa,
                      p.copy_engines,
                      p.jpeg});
    }
    if (code != NVML_SUCCESS) {
      return failed_to(run, kCiProfiles, code);
    }
  }
  if (!rows.empty()) {
    run.print(ci_profile_table(rows));
  }
  return exit;
}

int list_ci_placements(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  int exit = 0;
  for (const GiOnGpu& found : wanted_gis(run, gpus, filter, kCiPlacements, &exit)) {
    std::vector<CiProfile> profiles;
    if (const nvmlReturn_t code = ci_profiles(run, found.gi, &profiles); code != NVML_SUCCESS) {
      return failed_to(run, kCiPlacements, code);
    }
    for (const CiProfile& profile : profiles) {
      std::vector<nvmlComputeInstancePlacement_t> placements;
      const auto call = [&](nvmlComputeInstancePlacement_t* room, unsigned* count) {
        return run.nvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements(
            found.gi.handle, profile.id, room, count);
      };
      if (const nvmlReturn_t code = read_placements(call, &placements); code != NVML_SUCCESS) {
        return failed_to(run, kCiPlacements, code);
      }
      if (!placements.empty()) {
        run.print(
            ci_placement_line(placement_row(found.gpu.index, profile.id, placements), found.gi.id));
      }
    }
  }
  return exit;
}

int list_cis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter) {
  int exit = 0;
  std::vector<CiRow> rows;
  const auto gis = wanted_gis(run, gpus, filter, "display compute instances", &exit);
  for (const GiOnGpu& found : gis) {
    std::vector<Ci> cis;
    if (const nvmlReturn_t code = compute_instances(run, found.gi, &cis); code != NVML_SUCCESS) {
      return failed_to(run, "display compute instances", code);
    }
    for (const Ci& ci : cis) {
      if (filter.wants_ci(ci.id)) {
        rows.push_back({found.gpu.index,
                        found.gi.id,
                        ci.profile.name,
                        ci.profile.id,
                        ci.id,
                        ci.start,
                        ci.size});
      }
    }
  }
  if (!rows.empty()) {
    run.print(ci_table(rows));
  } else if (!gis.empty()) {
    run.print(text("No compute instances found: %s\n", run.why(NVML_ERROR_NOT_FOUND).c_str()));
    exit = exit_code(NVML_ERROR_NOT_FOUND);
  }
  return exit;
}

}  // namespace mig::smi
