// SPDX-License-Identifier: Apache-2.0
// Compute profiles that follow from the GPU instance profiles.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "sim/tools/capture.h"

namespace migsim {

namespace {

// Name without attributes, which belong to the GPU instance: "MIG 3g.71gb" of "MIG 3g.71gb+me".
std::string plain_name(const GiProfile& gi) {
  const std::string name = gi.name;
  return name.substr(0, name.find_first_of("+-"));
}

const GiProfile* find_profile(const Board& board, unsigned profile) {
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    if (board.gi_profiles[i].profile == profile) {
      return &board.gi_profiles[i];
    }
  }
  return nullptr;
}

// NVML uses equal numbers for the plain profiles of GPU instances and compute instances.
unsigned number_of(unsigned slices) {
  switch (slices) {
    case 1:
      return NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE;
    case 2:
      return NVML_COMPUTE_INSTANCE_PROFILE_2_SLICE;
    case 3:
      return NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE;
    case 4:
      return NVML_COMPUTE_INSTANCE_PROFILE_4_SLICE;
    case 6:
      return NVML_COMPUTE_INSTANCE_PROFILE_6_SLICE;
    case 8:
      return NVML_COMPUTE_INSTANCE_PROFILE_8_SLICE;
    default:
      return NVML_COMPUTE_INSTANCE_PROFILE_7_SLICE;
  }
}

// A compute profile to add, as derive() decides.
struct Part {
  unsigned number = 0, slices = 0, span = 0, count = 0;
  std::int64_t sm = kUnknown;
};

class Deriver {
 public:
  explicit Deriver(Board& board)
      : board_(board),
        plain_(find_profile(board, NVML_GPU_INSTANCE_PROFILE_1_SLICE)),
        double_memory_(find_profile(board, NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2)) {
    // A double-memory 1g with more SMs than a 1g has a compute profile of its own (REV1), and the
    // driver then aligns compute instances; Blackwell always aligns. Sources: sim/gpus/README.md.
    two_kinds_ = plain_ != nullptr && double_memory_ != nullptr && double_memory_->sm > plain_->sm;
    board.aligned_compute = two_kinds_ || board.architecture == Architecture::kBlackwell ? 1 : 0;
  }

  void derive(GiProfile& gi) const {
    const bool double_memory = &gi == double_memory_;
    for (unsigned slices = 1; slices <= gi.slices; ++slices) {
      if (slices != gi.slices && (slices > 4 || (slices == 3 && gi.slices == 4))) {
        continue;
      }
      const unsigned span = span_of(slices);
      add(gi, {number_of(slices), slices, span, gi.slices / slices, sm_of(gi, slices)});
      if (slices == 1 && two_kinds_ && (double_memory || gi.slices > 1)) {
        const unsigned count = gi.slices == 1 ? 1 : (gi.slices + 1) / 2;
        add(gi, {NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1, 1, 2, count, double_memory_->sm});
      }
    }
    mark_default(gi);
  }

 private:
  // Compute slots of an instance; on aligned boards a 3c takes as many as a 4c, a 7c as the whole
  // board.
  unsigned span_of(unsigned slices) const {
    if (board_.aligned_compute == 0) {
      return slices;
    }
    return slices == 3 ? 4 : slices == 7 ? 8 : slices;
  }

  // A compute instance has the SMs of the plain GPU instance profile with as many slices.
  std::int64_t sm_of(const GiProfile& gi, unsigned slices) const {
    if (slices == gi.slices && !(two_kinds_ && &gi == double_memory_)) {
      return gi.sm;
    }
    const GiProfile* same = find_profile(board_, number_of(slices));
    return same != nullptr ? std::int64_t{same->sm} : kUnknown;
  }

  void add(GiProfile& gi, const Part& part) const {
    CiProfile& ci = gi.ci_profiles[gi.ci_profile_count++];
    ci.profile = part.number;
    ci.slices = part.slices;
    ci.sm = part.sm;
    ci.shared = gi.engines;
    ci.gfx = gi.gfx;
    ci.max_count = part.count;
    const unsigned places = board_.aligned_compute != 0 ? part.count : gi.slices - part.slices + 1;
    for (unsigned i = 0; i < places; ++i) {
      ci.placements[ci.placement_count++] = {board_.aligned_compute != 0 ? i * part.span : i,
                                             part.span};
    }
    const std::string whole = plain_name(gi);
    const std::string name = part.slices == gi.slices
                                 ? whole
                                 : "MIG " + std::to_string(part.slices) + "c." + whole.substr(4);
    std::memcpy(ci.name, name.c_str(), std::min(name.size() + 1, sizeof(ci.name) - 1));
  }

  Board& board_;
  const GiProfile* plain_;
  const GiProfile* double_memory_;
  bool two_kinds_ = false;
};

}  // namespace

void mark_default(GiProfile& gi) {
  CiProfile* full = nullptr;
  for (std::uint32_t i = 0; i < gi.ci_profile_count; ++i) {
    CiProfile& ci = gi.ci_profiles[i];
    ci.is_default = 0;
    if (ci.slices == gi.slices && (full == nullptr || ci.sm > full->sm)) {
      full = &ci;
    }
  }
  if (full != nullptr) {
    full->is_default = 1;
  }
}

void derive_compute_profiles(Board& board) {
  const Deriver deriver(board);
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    deriver.derive(board.gi_profiles[i]);
  }
}

}  // namespace migsim
