// SPDX-License-Identifier: Apache-2.0
// Enumerates profiles and instances of a GPU in the order in which nvidia-smi lists and destroys
// them. Profiles (-lgip): by slice count, then base, +me, double memory, +gfx, +me.all, -me.
// Instances (-lgi, -lci): by NVML's number of the profile (1g 0, 3g 2, 1g+me 7), those of one
// profile by id; an H100 with R580.173 lists 1g, 3g, 1g+me.
#ifndef MIGCTL_SMI_MIG_WALK_H_
#define MIGCTL_SMI_MIG_WALK_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

struct GiProfile {
  unsigned index = 0;  // NVML_GPU_INSTANCE_PROFILE_*
  unsigned id = 0;     // id of the board
  unsigned slices = 0, max_count = 0, sm = 0;
  unsigned copy_engines = 0, decoders = 0, encoders = 0, jpeg = 0, ofa = 0;
  unsigned long long memory_mib = 0;
  bool p2p = false;
  std::string name;  // "MIG 3g.71gb"
};

struct CiProfile {
  unsigned id = 0, slices = 0, max_count = 0, sm = 0;
  unsigned copy_engines = 0, decoders = 0, encoders = 0, jpeg = 0, ofa = 0;
  std::string name;  // "MIG 1c.3g.71gb"
};

struct Gi {
  nvmlGpuInstance_t handle = nullptr;
  unsigned id = 0, start = 0, size = 0;
  GiProfile profile;
};

struct Ci {
  nvmlComputeInstance_t handle = nullptr;
  unsigned id = 0, start = 0, size = 0;
  CiProfile profile;
};

struct MigMode {
  bool supported = false, enabled = false, pending = false;
};

// NOT_SUPPORTED is a result (supported = false); other codes are returned.
nvmlReturn_t mig_mode(const Run& run, nvmlDevice_t device, MigMode* mode);

// Returns the code of the first call that failed, "not on this board" excepted.
nvmlReturn_t gi_profiles(const Run& run, nvmlDevice_t device, std::vector<GiProfile>* profiles);
nvmlReturn_t gpu_instances(const Run& run, nvmlDevice_t device, std::vector<Gi>* instances);
nvmlReturn_t ci_profiles(const Run& run, const Gi& gi, std::vector<CiProfile>* profiles);
nvmlReturn_t compute_instances(const Run& run, const Gi& gi, std::vector<Ci>* instances);

// The compute profile that fills the GPU instance, which -C creates and -lcip marks with "*": of
// several with all its slices the one with the most SMs (H100, 1g.20gb: ID 7, not 0). nullptr =
// none.
const CiProfile* full_ci_profile(const std::vector<CiProfile>& profiles, const Gi& gi);

// Reads the profile of that index only; nullopt if the board lacks it.
std::optional<GiProfile> gi_profile(const Run& run,
                                    nvmlDevice_t device,
                                    unsigned index,
                                    nvmlReturn_t* code);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MIG_WALK_H_
