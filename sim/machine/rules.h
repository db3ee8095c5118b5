// SPDX-License-Identifier: Apache-2.0
// Inside sim/machine: rules common to GPU and compute instances.
#ifndef MIGCTL_SIM_MACHINE_RULES_H_
#define MIGCTL_SIM_MACHINE_RULES_H_

#include <cstddef>
#include <cstdint>

#include "sim/machine/mig.h"

namespace migsim {

inline bool overlaps(Placement a, Placement b) {
  return a.start < b.start + b.size && b.start < a.start + a.size;
}

inline bool same(Placement a, Placement b) {
  return a.start == b.start && a.size == b.size;
}

inline bool listed(const Placement* list, std::uint32_t count, Placement placement) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (same(list[i], placement)) {
      return true;
    }
  }
  return false;
}

inline const GiProfile& profile_of(const Board& board, const GiState& gi) {
  return board.gi_profiles[gi.profile_index];
}

inline const CiProfile& profile_of(const GiProfile& profile, const CiState& ci) {
  return profile.ci_profiles[ci.profile_index];
}

inline bool has_ci(const GiState& gi) {
  for (const CiState& ci : gi.cis) {
    if (ci.used != 0) {
      return true;
    }
  }
  return false;
}

inline bool has_gi(const GpuState& gpu) {
  for (const GiState& gi : gpu.gis) {
    if (gi.used != 0) {
      return true;
    }
  }
  return false;
}

// Media engines of the whole board: those of its largest profile.
Engines board_engines(const Board& board);

// Removes every instance of the GPU.
void clear_instances(GpuState& gpu);

// Writes the MIG device's UUID: a version 5 UUID of the GPU's UUID, the GPU instance id and the
// engine that the compute instance occupies (its index in the GPU instance), so a recreated
// instance in the same slot has the same UUID; a `salt` other than 0 makes it differ
// (Options::fresh_uuids). Kernel rule: gpu_uuid.c of open-gpu-kernel-modules hashes GPU, "SMC", GI
// id and engine.
void mig_uuid(
    const char* gpu_uuid, std::uint32_t gi, std::uint32_t ci, std::uint64_t salt, char (&out)[48]);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_RULES_H_
