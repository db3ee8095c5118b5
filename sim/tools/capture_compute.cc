// SPDX-License-Identifier: Apache-2.0
// Compute profiles that follow from a GPU instance profile.
#include <algorithm>
#include <cstring>

#include "sim/tools/capture.h"

namespace migsim {

namespace {

// 2c.3g.71gb of "MIG 3g.71gb".
std::string compute_name(const GiProfile& gi, unsigned slices) {
  const std::string name = gi.name;
  return slices == gi.slices ? name : "MIG " + std::to_string(slices) + "c." + name.substr(4);
}

unsigned compute_enum(const GiProfile& gi, unsigned slices) {
  switch (slices) {
    case 1:
      return gi.profile == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2
                 ? NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1
                 : NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE;
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

}  // namespace

// As on every board seen: 1c anywhere, 2c at even starts, 3c at multiples of four, 4c at the start;
// no 3c in a 4g. How many SMs a part has is known of the whole only.
void derive_compute_profiles(GiProfile& gi) {
  for (unsigned slices = 1; slices <= gi.slices; ++slices) {
    const bool whole = slices == gi.slices;
    if (!whole && (slices > 4 || (slices == 3 && gi.slices == 4))) {
      continue;
    }
    CiProfile& ci = gi.ci_profiles[gi.ci_profile_count++];
    ci.profile = compute_enum(gi, slices);
    ci.slices = slices;
    ci.is_default = whole ? 1 : 0;
    ci.sm = whole ? gi.sm : kUnknown;
    ci.shared = gi.engines;
    ci.gfx = gi.gfx;
    const unsigned step = whole ? gi.slices : slices == 3 ? 4 : slices;
    for (unsigned start = 0; start + slices <= gi.slices; start += step) {
      ci.placements[ci.placement_count++] = {start, slices};
    }
    ci.max_count = ci.placement_count;
    const std::string name = compute_name(gi, slices);
    std::memcpy(ci.name, name.c_str(), std::min(name.size() + 1, sizeof(ci.name) - 1));
  }
}

}  // namespace migsim
