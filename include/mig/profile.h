// SPDX-License-Identifier: Apache-2.0
// Profiles: the sizes of instance that a GPU's driver offers (no tables of ours), and their names
// as users write them.
#ifndef MIG_PROFILE_H_
#define MIG_PROFILE_H_

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/ids.h"
#include "mig/result.h"

namespace mig {

// A run of slots: memory slices of a GPU, or compute slices inside a GPU instance.
struct Placement {
  std::uint32_t start = 0;
  std::uint32_t size = 0;

  std::uint32_t end() const { return start + size; }

  // An empty run overlaps nothing.
  bool overlaps(Placement o) const { return std::max(start, o.start) < std::min(end(), o.end()); }

  friend auto operator<=>(const Placement&, const Placement&) = default;
};

// "[<C>c.]<G>g.<GB>gb[+attr[,attr]|-attr[,attr]][@<N>sm|@ci<ID>]": "1g.5gb", "1c.3g.20gb",
// "1g.10gb+me", "1g.24gb-me", "1c.2g.20gb@26sm". "1c.1g.5gb" equals "1g.5gb". Also accepts a
// leading "MIG " as the driver prints it.
//
// The suffix "@" distinguishes compute profiles of equal slices inside one GPU instance, which have
// the same name in the driver (H100: 1c.2g.20gb has 16 SMs as profile 0 and 26 as profile 7): by
// their SMs, or by their profile id where the SMs are equal or unknown. Without a suffix the plain
// one is meant: see name_compute_profiles() in model/compute_names.h.
struct ProfileName {
  std::uint32_t compute_slices = 0;  // C; equals gpu_slices for a full-size compute instance
  std::uint32_t gpu_slices = 0;      // G
  std::uint32_t memory_gb = 0;
  std::string attributes;                // canonical with sign: "", "+me", "+me.all", "-me"
  std::optional<std::uint32_t> sm = {};  // "@26sm"
  std::optional<std::uint32_t> compute_profile = {};  // "@ci7": NVML_COMPUTE_INSTANCE_PROFILE_*

  static Result<ProfileName> parse(std::string_view text);

  // True for a compute instance other than the plain one of its slices.
  bool special() const { return sm.has_value() || compute_profile.has_value(); }

  // True for the compute instance that fills its GPU instance; also the name of a GPU instance.
  bool full_size() const { return compute_slices == gpu_slices && !special(); }

  ProfileName gpu_instance() const;  // without the C part and the suffix "@"
  std::string str() const;
  friend auto operator<=>(const ProfileName&, const ProfileName&) = default;
};

struct Engines {
  std::uint32_t copy = 0, decoders = 0, encoders = 0, jpeg = 0, ofa = 0;
  friend bool operator==(const Engines&, const Engines&) = default;
};

struct ComputeInstanceProfile {
  std::uint32_t nvml_profile = 0;  // NVML_COMPUTE_INSTANCE_PROFILE_*; also the printed id
  ProfileName name;  // the GPU instance's name with these slices; unique inside the GPU instance
  std::uint32_t slices = 0;
  std::uint32_t max_count = 0;
  std::optional<std::uint32_t> sm;
  std::vector<Placement> placements;  // inside the GPU instance; empty = not reported
  // Slots per instance where placements are not reported; 0 = unknown too.
  std::uint32_t span = 0;
  friend bool operator==(const ComputeInstanceProfile&, const ComputeInstanceProfile&) = default;
};

struct GpuInstanceProfile {
  std::uint32_t nvml_profile = 0;  // NVML_GPU_INSTANCE_PROFILE_*
  ProfileId id;
  ProfileName name;
  std::uint32_t slices = 0;  // compute slices
  std::uint32_t max_count = 0;
  std::uint32_t sm = 0;
  std::uint64_t memory_mib = 0;
  Engines engines;
  bool p2p = false;
  bool graphics = false;
  std::vector<Placement> placements;       // legal on an empty GPU, ascending start
  std::optional<std::uint32_t> remaining;  // remaining capacity, as reported by the driver
  // Reported once an instance of the profile exists (the driver requires one), else derived from
  // the slice count, and marked so.
  std::vector<ComputeInstanceProfile> compute_profiles;
  bool compute_profiles_derived = false;
  friend bool operator==(const GpuInstanceProfile&, const GpuInstanceProfile&) = default;
};

}  // namespace mig

#endif  // MIG_PROFILE_H_
