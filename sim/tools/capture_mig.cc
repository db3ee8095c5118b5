// SPDX-License-Identifier: Apache-2.0
// The MIG table of a board. Profiles and placements are reported with MIG off too; compute profiles
// only for existing GPU instances.
#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <vector>

#include "sim/tools/capture.h"
#include "sim/tools/fault_spec.h"

namespace migsim {

namespace {

// Rank of a profile among those of its slice count in `nvidia-smi mig -lgip`.
unsigned lgip_rank(unsigned profile) {
  switch (profile) {
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1:
      return 1;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2:
      return 2;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_4_SLICE_GFX:
      return 3;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_ALL_ME:
      return 4;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_NO_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_NO_ME:
      return 5;
    default:
      return 0;
  }
}

Problem refused(const std::string& what, nvmlReturn_t code) {
  const std::string name = nvml_name(code);
  if (code == NVML_ERROR_NO_PERMISSION) {
    return {Exit::kPermission,
            "cannot read " + what + ": " + name,
            "this driver tells it to root only; run it with sudo"};
  }
  return {Exit::kNotSupported, "cannot read " + what + ": " + name, ""};
}

class TableReader {
 public:
  TableReader(const NvmlCalls& calls, nvmlDevice_t device, Capture& out)
      : calls_(calls), device_(device), out_(out) {}

  Problem read() {
    unsigned current = 0;
    unsigned pending = 0;
    if (MIGSIM_NVML(calls_, nvmlDeviceGetMigMode, device_, &current, &pending) != NVML_SUCCESS) {
      return {Exit::kNotSupported,
              std::string(out_.board.name) + " has no MIG to capture",
              "migctl sim boards lists what can be simulated"};
    }
    std::vector<GiProfile> found;
    for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; ++i) {
      if (Problem problem = read_profile(i, found); !problem.ok()) {
        return problem;
      }
    }
    if (found.empty()) {
      return {Exit::kNotSupported, "the driver tells no MIG profile of this GPU", ""};
    }
    const auto order = [](const GiProfile& p) {
      return std::tuple(p.slices, lgip_rank(p.profile));
    };
    std::stable_sort(found.begin(), found.end(), [&](const GiProfile& a, const GiProfile& b) {
      return order(a) < order(b);
    });
    for (const GiProfile& profile : found) {
      keep(profile);
    }
    derive_compute_profiles(out_.board);
    for (std::uint32_t i = 0; i < out_.board.gi_profile_count; ++i) {
      const bool read = current == NVML_DEVICE_MIG_ENABLE && read_compute_profiles(i);
      out_.compute[i] = read ? Capture::Compute::kRead : Capture::Compute::kDerived;
    }
    if (std::ranges::find(out_.compute, Capture::Compute::kDerived) !=
        out_.compute + out_.board.gi_profile_count) {
      out_.notes.emplace_back(
          "compute profiles from \"derived\" are derived: drivers tell them of existing GPU "
          "instances only (MIG on, one instance of each profile, root)");
    }
    read_reset();
    return {};
  }

 private:
  Problem read_profile(unsigned index, std::vector<GiProfile>& found) {
    nvmlGpuInstanceProfileInfo_v2_t info{};
    info.version = nvmlGpuInstanceProfileInfo_v2;
    const nvmlReturn_t code =
        MIGSIM_NVML(calls_, nvmlDeviceGetGpuInstanceProfileInfoV, device_, index, &info);
    if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_INVALID_ARGUMENT) {
      return {};
    }
    if (code == NVML_ERROR_FUNCTION_NOT_FOUND) {
      return {Exit::kNotSupported,
              "driver " + out_.driver_version + " does not name MIG profiles",
              "use R520 or later"};
    }
    if (code != NVML_SUCCESS) {
      return refused("GPU instance profile " + std::to_string(index), code);
    }
    GiProfile profile;
    profile.profile = index;
    profile.id = info.id;
    profile.slices = info.sliceCount;
    profile.max_count = info.instanceCount;
    profile.sm = info.multiprocessorCount;
    profile.p2p = info.isP2pSupported;
    profile.memory_mib = info.memorySizeMB;
    profile.engines = {
        info.copyEngineCount, info.decoderCount, info.encoderCount, info.jpegCount, info.ofaCount};
    const std::string_view name = info.name;
    profile.media_extension = name.find("+me") != std::string_view::npos ? 1 : 0;
    profile.gfx = is_graphics_profile(index, name) ? 1 : 0;
    std::memcpy(profile.name, name.data(), std::min(name.size(), sizeof(profile.name) - 1));
    if (Problem problem = read_placements(profile); !problem.ok()) {
      return problem;
    }
    found.push_back(profile);
    return {};
  }

  bool is_graphics_profile(unsigned index, std::string_view name) const {
    nvmlGpuInstanceProfileInfo_v3_t info{};
    info.version = nvmlGpuInstanceProfileInfo_v3;
    const nvmlReturn_t code =
        MIGSIM_NVML(calls_,
                    nvmlDeviceGetGpuInstanceProfileInfoV,
                    device_,
                    index,
                    reinterpret_cast<nvmlGpuInstanceProfileInfo_v2_t*>(&info));
    return code == NVML_SUCCESS ? (info.capabilities & NVML_GPU_INSTANCE_PROFILE_CAPS_GFX) != 0
                                : name.find("+gfx") != std::string_view::npos;
  }

  Problem read_placements(GiProfile& profile) {
    const std::string what = std::string("the placements of ") + profile.name;
    unsigned count = 0;
    nvmlReturn_t code = MIGSIM_NVML(calls_,
                                    nvmlDeviceGetGpuInstancePossiblePlacements_v2,
                                    device_,
                                    profile.id,
                                    nullptr,
                                    &count);
    std::vector<nvmlGpuInstancePlacement_t> places(count);
    if (code == NVML_SUCCESS && count > 0) {
      code = MIGSIM_NVML(calls_,
                         nvmlDeviceGetGpuInstancePossiblePlacements_v2,
                         device_,
                         profile.id,
                         places.data(),
                         &count);
    }
    if (code != NVML_SUCCESS) {
      return refused(what, code);
    }
    if (count == 0 || count > kMaxPlacements || count > places.size()) {
      return {Exit::kNotSupported,
              what + " are " + std::to_string(count) + "; a board file holds 1 to " +
                  std::to_string(kMaxPlacements),
              ""};
    }
    places.resize(count);
    std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
      return a.start < b.start;
    });
    for (const nvmlGpuInstancePlacement_t& place : places) {
      profile.placements[profile.placement_count++] = {place.start, place.size};
    }
    return {};
  }

  // Adds a profile to the board and updates the figures that follow from all profiles together.
  void keep(const GiProfile& profile) {
    Board& board = out_.board;
    board.gi_profiles[board.gi_profile_count++] = profile;
    board.compute_slices = std::max(board.compute_slices, profile.slices);
    for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
      const Placement& place = profile.placements[i];
      board.memory_slices = std::max(board.memory_slices, place.start + place.size);
    }
  }

  // Reads the compute profiles off an existing instance of the profile; false without one, or
  // without the right to see it.
  bool read_compute_profiles(std::uint32_t at) {
    GiProfile& gi = out_.board.gi_profiles[at];
    std::array<nvmlGpuInstance_t, kMaxGis> instances{};
    unsigned count = instances.size();
    if (MIGSIM_NVML(calls_, nvmlDeviceGetGpuInstances, device_, gi.id, instances.data(), &count) !=
            NVML_SUCCESS ||
        count == 0) {
      return false;
    }
    std::vector<CiProfile> told;
    for (unsigned number = 0; number < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; ++number) {
      CiProfile ci;
      ci.profile = number;
      if (read_compute_profile(instances[0], gi, ci)) {
        told.push_back(ci);
      }
    }
    const auto order = [](const CiProfile& ci) { return std::tuple(ci.slices, ci.profile); };
    std::ranges::sort(told, {}, order);
    const bool whole =
        std::ranges::any_of(told, [&gi](const CiProfile& ci) { return ci.slices == gi.slices; });
    if (!whole || told.size() > kMaxCiProfiles) {
      return false;
    }
    gi.ci_profile_count = static_cast<std::uint32_t>(told.size());
    std::ranges::copy(told, gi.ci_profiles);
    mark_default(gi);
    return true;
  }

  bool read_compute_profile(nvmlGpuInstance_t instance, const GiProfile& gi, CiProfile& ci) {
    nvmlComputeInstanceProfileInfo_v2_t info{};
    info.version = nvmlComputeInstanceProfileInfo_v2;
    std::array<nvmlComputeInstancePlacement_t, kMaxCis> places{};
    unsigned count = places.size();
    const unsigned engine = NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED;
    if (MIGSIM_NVML(calls_,
                    nvmlGpuInstanceGetComputeInstanceProfileInfoV,
                    instance,
                    ci.profile,
                    engine,
                    &info) != NVML_SUCCESS ||
        MIGSIM_NVML(calls_,
                    nvmlGpuInstanceGetComputeInstancePossiblePlacements,
                    instance,
                    info.id,
                    places.data(),
                    &count) != NVML_SUCCESS ||
        count == 0 || count > places.size()) {
      return false;
    }
    ci.slices = info.sliceCount;
    ci.max_count = info.instanceCount;
    ci.sm = info.multiprocessorCount;
    ci.shared = gi.engines;
    ci.gfx = gi.gfx;
    std::memcpy(ci.name, info.name, sizeof(ci.name) - 1);
    for (unsigned i = 0; i < count; ++i) {
      ci.placements[ci.placement_count++] = {places[i].start, places[i].size};
    }
    return true;
  }

  void read_reset() {
    nvmlFieldValue_t value{};
    value.fieldId = NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED;
    const bool told =
        MIGSIM_NVML(calls_, nvmlDeviceGetFieldValues, device_, 1, &value) == NVML_SUCCESS &&
        value.nvmlReturn == NVML_SUCCESS;
    out_.board.mode_needs_reset = told ? (value.value.uiVal == 0 ? 1 : 0)
                                       : (out_.board.architecture == Architecture::kAmpere ? 1 : 0);
    out_.origins["mig.told"] = out_.measured();
    out_.origins["mig.mode"] =
        told ? out_.measured()
             : Origin{"documented",
                      "NVIDIA's MIG user guide: Ampere needs a reset, later architectures do not",
                      "",
                      out_.date};
    out_.origins["mig.ends"] = out_.derived("the furthest end of a placement");
    out_.origins["mig.largest"] = out_.derived("the slices of the largest profile");
  }

  const NvmlCalls& calls_;
  nvmlDevice_t device_;
  Capture& out_;
};

}  // namespace

Problem read_mig_table(const NvmlCalls& calls, nvmlDevice_t device, Capture& out) {
  return TableReader(calls, device, out).read();
}

}  // namespace migsim
