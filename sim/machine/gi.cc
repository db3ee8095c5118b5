// SPDX-License-Identifier: Apache-2.0
// GPU instances: creation, destruction, and the MIG devices on them.
#include "abi/nvml.h"
#include "sim/machine/mig.h"
#include "sim/machine/rules.h"
#include "sim/machine/services.h"

namespace migsim {

const GiProfile* find_gi_profile_by_enum(const Board& board, std::uint32_t profile) {
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    if (board.gi_profiles[i].profile == profile) {
      return &board.gi_profiles[i];
    }
  }
  return nullptr;
}

const GiProfile* find_gi_profile_by_id(const Board& board, std::uint32_t id) {
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    if (board.gi_profiles[i].id == id) {
      return &board.gi_profiles[i];
    }
  }
  return nullptr;
}

int create_gi(GpuRef gpu,
              const GiProfile& profile,
              std::optional<Placement> at,
              std::uint32_t& gi_id) {
  GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (self.mig_current == 0) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (at && !listed(profile.placements, profile.placement_count, *at)) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  // Only the first instance needs the GPU idle: the driver partitions the memory then. A process
  // that has the GPU open without channels or memory is not in the way (open kernel module:
  // channels and memory allocations count).
  if (!has_gi(self) &&
      (has_process(gpu.state, gpu.gpu, kNone, kNone) || display_draws(gpu.state, gpu.gpu))) {
    return NVML_ERROR_IN_USE;
  }
  const std::optional<Placement> where =
      at ? (gi_placement_free(gpu, profile, *at) ? at : std::nullopt)
         : gi_default_placement(gpu, profile);
  if (!where) {
    return NVML_ERROR_INSUFFICIENT_RESOURCES;
  }
  const std::uint32_t id = gi_id_of(gpu.board(), *where, self.swap_halves != 0);
  if (id >= kMaxGis || self.gis[id].used != 0) {
    return NVML_ERROR_INSUFFICIENT_RESOURCES;
  }
  GiState& gi = self.gis[id];
  gi = GiState{};
  gi.profile_index = static_cast<std::uint32_t>(&profile - gpu.board().gi_profiles);
  gi.placement = *where;
  gi.serial = gpu.state.next_serial++;
  gi.used = 1;
  ++gpu.state.generation;
  gi_id = id;
  return NVML_SUCCESS;
}

int destroy_gi(GpuRef gpu, std::uint32_t gi_id, bool opened) {
  GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (gi_id >= kMaxGis || self.gis[gi_id].used == 0) {
    return NVML_ERROR_NOT_FOUND;
  }
  if (opened || has_ci(self.gis[gi_id]) || has_process(gpu.state, gpu.gpu, gi_id, kNone)) {
    return NVML_ERROR_IN_USE;
  }
  self.gis[gi_id] = GiState{};
  ++gpu.state.generation;
  return NVML_SUCCESS;
}

void clear_instances(GpuState& gpu) {
  for (GiState& gi : gpu.gis) {
    gi = GiState{};
  }
}

bool mig_device_at(const GpuState& gpu, std::uint32_t index, std::uint32_t& gi, std::uint32_t& ci) {
  for (std::uint32_t g = 0; g < kMaxGis; ++g) {
    for (std::uint32_t c = 0; gpu.gis[g].used != 0 && c < kMaxCis; ++c) {
      if (gpu.gis[g].cis[c].used == 0) {
        continue;
      }
      if (index == 0) {
        gi = g;
        ci = c;
        return true;
      }
      --index;
    }
  }
  return false;
}

std::uint32_t max_mig_devices(const GpuView& gpu) {
  return gpu.self().mig_current != 0 ? gpu.board().compute_slices : 0;
}

bool has_process(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci) {
  for (std::uint32_t i = 0; i < state.process_top; ++i) {
    const ProcessState& process = state.processes[i];
    if (process.used != 0 && process.gpu == gpu && (gi == kNone || process.gi == gi) &&
        (ci == kNone || process.ci == ci)) {
      return true;
    }
  }
  return false;
}

}  // namespace migsim
