// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi mig -lgip|-lgipp|-lgi|-lcip|-lcipp|-lci`: read only. Each returns the exit code.
#ifndef MIGCTL_SMI_MIG_LIST_H_
#define MIGCTL_SMI_MIG_LIST_H_

#include <vector>

#include "smi/mig_walk.h"
#include "smi/run.h"

namespace mig::smi {

// What -gi and -ci restrict a command to; empty = all.
struct MigFilter {
  std::vector<unsigned> gi, ci;

  bool wants_gi(unsigned id) const;
  bool wants_ci(unsigned id) const;
};

struct GiOnGpu {
  Gpu gpu;
  Gi gi;
};

// "Failed to <what>: <why>" and the exit code of `code`.
int failed_to(const Run& run, const char* what, nvmlReturn_t code);

// The MIG-enabled ones. When there is none, says so; when a call fails, says "Failed to <what>:
// ..." and sets *exit. Otherwise *exit = 0: to find no MIG is no failure, whatever the command.
std::vector<Gpu> enabled_gpus(const Run& run,
                              const std::vector<Gpu>& gpus,
                              const char* what,
                              int* exit);

// The GPU instances that the filter wants, on MIG-enabled GPUs; empty after saying why (*exit set).
std::vector<GiOnGpu> wanted_gis(const Run& run,
                                const std::vector<Gpu>& gpus,
                                const MigFilter& filter,
                                const char* what,
                                int* exit);

int list_gi_profiles(const Run& run, const std::vector<Gpu>& gpus);
int list_gi_placements(const Run& run, const std::vector<Gpu>& gpus);
int list_gis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);
int list_ci_profiles(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);
int list_ci_placements(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);
int list_cis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MIG_LIST_H_
