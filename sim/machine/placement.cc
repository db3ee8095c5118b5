// SPDX-License-Identifier: Apache-2.0
// Legal placements of GPU instances and the driver's default placement.
#include "abi/nvml.h"
#include "sim/machine/mig.h"
#include "sim/machine/rules.h"

namespace migsim {

std::uint32_t gi_id_of(const Board& board, Placement placement, bool swap_halves) {
  const std::uint32_t total = board.memory_slices;
  if (placement.size == 0 || placement.start + placement.size > total ||
      total % placement.size != 0) {
    return kNone;
  }
  std::uint32_t physical = placement.start;
  if (swap_halves && placement.size <= total / 2) {
    physical = (placement.start + total / 2) % total;
  }
  // Numbers of the nodes of a binary tree over the memory slices, level by level.
  const std::uint32_t nodes = total / placement.size;
  return nodes - 1 + physical / placement.size;
}

Engines board_engines(const Board& board) {
  Engines all;
  const auto raise = [](std::uint32_t& to, std::uint32_t value) { to = value > to ? value : to; };
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    const Engines& engines = board.gi_profiles[i].engines;
    raise(all.ce, engines.ce);
    raise(all.dec, engines.dec);
    raise(all.enc, engines.enc);
    raise(all.jpeg, engines.jpeg);
    raise(all.ofa, engines.ofa);
  }
  return all;
}

namespace {

// Sum over the GPU instances of a GPU.
struct Load {
  std::uint32_t slices = 0, of_profile = 0, media_extensions = 0;
  Engines engines;
};

Load load_of(const GpuView& gpu, const GiProfile& profile) {
  Load load;
  for (const GiState& gi : gpu.self().gis) {
    if (gi.used == 0) {
      continue;
    }
    const GiProfile& held = profile_of(gpu.board(), gi);
    load.slices += held.slices;
    load.of_profile += held.profile == profile.profile ? 1 : 0;
    load.media_extensions += held.media_extension;
    load.engines.dec += held.engines.dec;
    load.engines.enc += held.engines.enc;
    load.engines.jpeg += held.engines.jpeg;
    load.engines.ofa += held.engines.ofa;
  }
  return load;
}

// True when one more instance of the profile respects every maximum: of the profile, of compute
// slices, of media extensions (one per board), and of media engines (an instance with all engines
// leaves none).
bool counts_allow(const GpuView& gpu, const GiProfile& profile, const Load& load) {
  const Board& board = gpu.board();
  const Engines all = board_engines(board);
  return load.of_profile < profile.max_count &&
         load.slices + profile.slices <= board.compute_slices &&
         load.media_extensions + profile.media_extension <= 1 &&
         load.engines.dec + profile.engines.dec <= all.dec &&
         load.engines.enc + profile.engines.enc <= all.enc &&
         load.engines.jpeg + profile.engines.jpeg <= all.jpeg &&
         load.engines.ofa + profile.engines.ofa <= all.ofa;
}

bool window_free(const GpuState& gpu, Placement placement) {
  for (const GiState& gi : gpu.gis) {
    if (gi.used != 0 && overlaps(gi.placement, placement)) {
      return false;
    }
  }
  return true;
}

// Number of (profile, placement) pairs that stay free when `taken` is occupied too.
std::uint32_t pairs_left(const GpuView& gpu, Placement taken) {
  std::uint32_t pairs = 0;
  const Board& board = gpu.board();
  for (std::uint32_t p = 0; p < board.gi_profile_count; ++p) {
    const GiProfile& profile = board.gi_profiles[p];
    for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
      const Placement at = profile.placements[i];
      pairs += !overlaps(at, taken) && window_free(gpu.self(), at) ? 1 : 0;
    }
  }
  return pairs;
}

}  // namespace

bool gi_placement_free(const GpuView& gpu, const GiProfile& profile, Placement placement) {
  return listed(profile.placements, profile.placement_count, placement) &&
         window_free(gpu.self(), placement) && counts_allow(gpu, profile, load_of(gpu, profile));
}

std::uint32_t gi_remaining(const GpuView& gpu, const GiProfile& profile) {
  Load load = load_of(gpu, profile);
  std::uint32_t more = 0;
  // Placements of one profile never overlap partly, so taking every free one is optimal.
  for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
    if (!window_free(gpu.self(), profile.placements[i])) {
      continue;
    }
    if (!counts_allow(gpu, profile, load)) {
      break;
    }
    ++more;
    ++load.of_profile;
    load.slices += profile.slices;
    load.media_extensions += profile.media_extension;
    load.engines.dec += profile.engines.dec;
    load.engines.enc += profile.engines.enc;
    load.engines.jpeg += profile.engines.jpeg;
    load.engines.ofa += profile.engines.ofa;
  }
  return more;
}

std::optional<Placement> gi_default_placement(const GpuView& gpu, const GiProfile& profile) {
  std::optional<Placement> best;
  std::uint32_t best_left = 0;
  for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
    const Placement at = profile.placements[i];
    if (!gi_placement_free(gpu, profile, at)) {
      continue;
    }
    const std::uint32_t left = pairs_left(gpu, at);
    if (!best || left > best_left || (left == best_left && at.start < best->start)) {
      best = at;
      best_left = left;
    }
  }
  return best;
}

}  // namespace migsim
