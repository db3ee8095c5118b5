// SPDX-License-Identifier: Apache-2.0
// Invariants of every committed state.
#include <cstring>

#include "sim/machine/mig.h"
#include "sim/machine/rules.h"
#include "sim/machine/telemetry.h"

namespace migsim {
namespace {

const char* check_ci(const GiProfile& holder,
                     const GiState& gi,
                     std::uint32_t c,
                     std::uint64_t next_serial) {
  const CiState& ci = gi.cis[c];
  if (ci.profile_index >= holder.ci_profile_count) {
    return "compute instance of a profile that its GPU instance does not have";
  }
  const CiProfile& profile = profile_of(holder, ci);
  if (!listed(profile.placements, profile.placement_count, ci.placement)) {
    return "compute instance at a placement that its profile does not have";
  }
  for (std::uint32_t other = 0; other < c; ++other) {
    if (gi.cis[other].used != 0 && overlaps(gi.cis[other].placement, ci.placement)) {
      return "compute instances overlap";
    }
  }
  if (ci.serial == 0 || ci.serial >= next_serial) {
    return "compute instance with an impossible serial";
  }
  if (std::memcmp(ci.uuid, "MIG-", 4) != 0 || ::strnlen(ci.uuid, sizeof(ci.uuid)) != 40) {
    return "compute instance without a UUID";
  }
  return nullptr;
}

const char* check_cis(const Board& board, const GiState& gi, std::uint64_t next_serial) {
  const GiProfile& holder = profile_of(board, gi);
  std::uint32_t slices = 0;
  std::uint32_t of_profile[kMaxCiProfiles] = {};
  for (std::uint32_t c = 0; c < kMaxCis; ++c) {
    if (gi.cis[c].used == 0) {
      continue;
    }
    if (const char* broken = check_ci(holder, gi, c, next_serial)) {
      return broken;
    }
    const CiProfile& profile = profile_of(holder, gi.cis[c]);
    slices += profile.slices;
    if (++of_profile[gi.cis[c].profile_index] > profile.max_count) {
      return "more compute instances of a profile than its maximum";
    }
  }
  return slices > holder.slices ? "compute instances have more slices than their GPU instance"
                                : nullptr;
}

const char* check_gi(const GpuView& gpu, std::uint32_t id) {
  const GpuState& self = gpu.self();
  const Board& board = gpu.board();
  const GiState& gi = self.gis[id];
  if (gi.used == 0) {
    return has_ci(gi) ? "compute instance in no GPU instance" : nullptr;
  }
  if (self.mig_current == 0) {
    return "GPU instance on a GPU without MIG";
  }
  if (gi.profile_index >= board.gi_profile_count) {
    return "GPU instance of a profile that the board does not have";
  }
  const GiProfile& profile = profile_of(board, gi);
  if (!listed(profile.placements, profile.placement_count, gi.placement)) {
    return "GPU instance at a placement that its profile does not have";
  }
  if (gi_id_of(board, gi.placement, self.swap_halves != 0) != id) {
    return "GPU instance id does not belong to its placement";
  }
  if (gi.serial == 0 || gi.serial >= gpu.state.next_serial) {
    return "GPU instance with an impossible serial";
  }
  for (std::uint32_t other = 0; other < id; ++other) {
    if (self.gis[other].used != 0 && overlaps(self.gis[other].placement, gi.placement)) {
      return "GPU instances overlap";
    }
  }
  return check_cis(board, gi, gpu.state.next_serial);
}

const char* check_totals(const GpuView& gpu) {
  const Board& board = gpu.board();
  const Engines all = board_engines(board);
  Engines held;
  std::uint32_t slices = 0, extensions = 0;
  std::uint32_t of_profile[kMaxGiProfiles] = {};
  for (const GiState& gi : gpu.self().gis) {
    if (gi.used == 0) {
      continue;
    }
    const GiProfile& profile = profile_of(board, gi);
    slices += profile.slices;
    extensions += profile.media_extension;
    held.dec += profile.engines.dec;
    held.enc += profile.engines.enc;
    held.jpeg += profile.engines.jpeg;
    held.ofa += profile.engines.ofa;
    if (++of_profile[gi.profile_index] > profile.max_count) {
      return "more GPU instances of a profile than its maximum";
    }
  }
  if (slices > board.compute_slices) {
    return "GPU instances have more compute slices than the board";
  }
  if (extensions > 1) {
    return "more than one GPU instance with the media extension";
  }
  if (held.dec > all.dec || held.enc > all.enc || held.jpeg > all.jpeg || held.ofa > all.ofa) {
    return "GPU instances have more media engines than the board";
  }
  return nullptr;
}

const char* check_gpu(const GpuView& gpu) {
  const GpuState& self = gpu.self();
  if (self.board >= gpu.hardware.board_count) {
    return "GPU of an unknown board";
  }
  if (self.mig_current > 1 || self.mig_pending > 1) {
    return "MIG mode that is neither on nor off";
  }
  if (self.mig_current != self.mig_pending && gpu.board().mode_needs_reset == 0) {
    return "mode pending on a board that needs no reset";
  }
  if (self.mig_current != 0 && gpu.board().gi_profile_count == 0) {
    return "MIG on a board that cannot";
  }
  if (::strnlen(self.uuid, sizeof(self.uuid)) == sizeof(self.uuid)) {
    return "GPU with an endless UUID";
  }
  for (std::uint32_t id = 0; id < kMaxGis; ++id) {
    if (const char* broken = check_gi(gpu, id)) {
      return broken;
    }
  }
  return check_totals(gpu);
}

const char* check_process(const Hardware& hardware, const State& state, std::uint32_t slot) {
  const ProcessState& process = state.processes[slot];
  if (process.used == 0) {
    return nullptr;
  }
  if (slot >= state.process_top) {
    return "process above the process table's top";
  }
  if (process.pid <= 0 || process.contexts == 0 || process.gpu >= hardware.gpu_count) {
    return "process without a pid, a context or a GPU";
  }
  const GpuState& gpu = state.gpus[process.gpu];
  if (process.gi == kNone) {
    if (gpu.mig_current != 0) {
      return "process on a whole GPU in MIG mode";
    }
  } else if (process.gi >= kMaxGis || process.ci >= kMaxCis || gpu.gis[process.gi].used == 0 ||
             gpu.gis[process.gi].cis[process.ci].used == 0) {
    return "process on an instance that does not exist";
  }
  const std::optional<MemoryUse> use = memory_use(hardware, state, process.gpu, process.gi);
  if (use && use->reserved + use->used > use->total) {
    return "processes hold more memory than their instance has";
  }
  return nullptr;
}

}  // namespace

const char* broken_invariant(const Hardware& hardware, const State& state) {
  if (hardware.gpu_count > kMaxGpus || hardware.board_count > kMaxGpus) {
    return "more GPUs or boards than a machine holds";
  }
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    if (const char* broken = check_gpu({hardware, state, gpu})) {
      return broken;
    }
  }
  if (state.process_top > kMaxProcesses) {
    return "process table's top beyond its end";
  }
  for (std::uint32_t slot = 0; slot < kMaxProcesses; ++slot) {
    if (const char* broken = check_process(hardware, state, slot)) {
      return broken;
    }
  }
  for (const Event& event : state.events) {
    if (event.sequence > state.event_sequence) {
      return "event from the future";
    }
  }
  return nullptr;
}

}  // namespace migsim
