// SPDX-License-Identifier: Apache-2.0
// Compute instances inside a GPU instance.
#include "abi/nvml.h"
#include "sim/machine/mig.h"
#include "sim/machine/rules.h"

namespace migsim {

const CiProfile* find_ci_profile(const GiProfile& profile, std::uint32_t ci_profile) {
  for (std::uint32_t i = 0; i < profile.ci_profile_count; ++i) {
    if (profile.ci_profiles[i].profile == ci_profile) {
      return &profile.ci_profiles[i];
    }
  }
  return nullptr;
}

namespace {

struct Load {
  std::uint32_t slices = 0, of_profile = 0;
};

Load load_of(const GiProfile& holder, const GiState& gi, const CiProfile& profile) {
  Load load;
  for (const CiState& ci : gi.cis) {
    if (ci.used != 0) {
      const CiProfile& held = profile_of(holder, ci);
      load.slices += held.slices;
      load.of_profile += held.profile == profile.profile ? 1 : 0;
    }
  }
  return load;
}

bool counts_allow(const GiProfile& holder, const CiProfile& profile, const Load& load) {
  return load.of_profile < profile.max_count && load.slices + profile.slices <= holder.slices;
}

bool span_free(const GiState& gi, Placement placement) {
  for (const CiState& ci : gi.cis) {
    if (ci.used != 0 && overlaps(ci.placement, placement)) {
      return false;
    }
  }
  return true;
}

std::uint32_t pairs_left(const GiProfile& holder, const GiState& gi, Placement taken) {
  std::uint32_t pairs = 0;
  for (std::uint32_t p = 0; p < holder.ci_profile_count; ++p) {
    const CiProfile& profile = holder.ci_profiles[p];
    for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
      const Placement at = profile.placements[i];
      pairs += !overlaps(at, taken) && span_free(gi, at) ? 1 : 0;
    }
  }
  return pairs;
}

std::optional<Placement> default_placement(const Board& board,
                                           const GiProfile& holder,
                                           const GiState& gi,
                                           const CiProfile& profile) {
  if (!counts_allow(holder, profile, load_of(holder, gi, profile))) {
    return std::nullopt;
  }
  // Aligned boards (Hopper and later): the placement that rules out the fewest others, as the
  // kernel module's kmigmgrGetFreeCTSId chooses; seen on H100 and H200, where the first 1c.3g goes
  // to 2 and 2c.3g, which starts only at 0, still fits. Other boards (Ampere): the first free span.
  const bool align = board.aligned_compute != 0;
  std::optional<Placement> best;
  std::uint32_t best_left = 0;
  for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
    const Placement at = profile.placements[i];
    if (!span_free(gi, at)) {
      continue;
    }
    const std::uint32_t left = align ? pairs_left(holder, gi, at) : 0;
    if (!best || left > best_left || (left == best_left && at.start < best->start)) {
      best = at;
      best_left = left;
    }
  }
  return best;
}

}  // namespace

std::uint32_t ci_remaining(const GpuView& gpu, std::uint32_t gi_id, const CiProfile& profile) {
  if (gi_id >= kMaxGis || gpu.self().gis[gi_id].used == 0) {
    return 0;
  }
  const GiState& gi = gpu.self().gis[gi_id];
  const GiProfile& holder = profile_of(gpu.board(), gi);
  Load load = load_of(holder, gi, profile);
  std::uint32_t more = 0;
  std::uint32_t from = 0;  // Spans may overlap: a counted span occupies its slots.
  for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
    const Placement at = profile.placements[i];
    if (at.start >= from && span_free(gi, at) && counts_allow(holder, profile, load)) {
      ++more;
      ++load.of_profile;
      load.slices += profile.slices;
      from = at.start + at.size;
    }
  }
  return more;
}

int create_ci(GpuRef gpu,
              std::uint32_t gi_id,
              const CiProfile& profile,
              std::optional<Placement> at,
              std::uint32_t& ci_id) {
  GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (self.mig_current == 0) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (gi_id >= kMaxGis || self.gis[gi_id].used == 0) {
    return NVML_ERROR_NOT_FOUND;
  }
  GiState& gi = self.gis[gi_id];
  const GiProfile& holder = profile_of(gpu.board(), gi);
  if (at && !listed(profile.placements, profile.placement_count, *at)) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  if (at && !(span_free(gi, *at) && counts_allow(holder, profile, load_of(holder, gi, profile)))) {
    return NVML_ERROR_INSUFFICIENT_RESOURCES;
  }
  const std::optional<Placement> where =
      at ? at : default_placement(gpu.board(), holder, gi, profile);
  std::uint32_t id = 0;
  while (id < kMaxCis && gi.cis[id].used != 0) {
    ++id;
  }
  if (!where || id == kMaxCis) {
    return NVML_ERROR_INSUFFICIENT_RESOURCES;
  }
  CiState& ci = gi.cis[id];
  ci = CiState{};
  ci.profile_index = static_cast<std::uint32_t>(&profile - holder.ci_profiles);
  ci.placement = *where;
  ci.serial = gpu.state.next_serial++;
  mig_uuid(self.uuid, gi_id, id, gpu.state.options.fresh_uuids != 0 ? ci.serial : 0, ci.uuid);
  ci.used = 1;
  ++gpu.state.generation;
  ci_id = id;
  return NVML_SUCCESS;
}

int destroy_ci(GpuRef gpu, std::uint32_t gi_id, std::uint32_t ci_id, bool opened) {
  GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (gi_id >= kMaxGis || self.gis[gi_id].used == 0 || ci_id >= kMaxCis ||
      self.gis[gi_id].cis[ci_id].used == 0) {
    return NVML_ERROR_NOT_FOUND;
  }
  if (opened || has_process(gpu.state, gpu.gpu, gi_id, ci_id)) {
    return NVML_ERROR_IN_USE;
  }
  self.gis[gi_id].cis[ci_id] = CiState{};
  ++gpu.state.generation;
  return NVML_SUCCESS;
}

}  // namespace migsim
