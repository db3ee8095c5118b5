// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi mig -lgip|-lgipp|-lgi|-lcip|-lcipp|-lci`: read only. Each returns the exit code.
#ifndef MIGCTL_SMI_MIG_LIST_H_
#define MIGCTL_SMI_MIG_LIST_H_

#include <vector>

#include "smi/mig_walk.h"
#include "smi/run.h"

namespace mig::smi {

// Restriction by -gi and -ci; empty = all.
struct MigFilter {
  std::vector<unsigned> gi, ci;

  bool wants_gi(unsigned id) const;
  bool wants_ci(unsigned id) const;
};

struct GiOnGpu {
  Gpu gpu;
  Gi gi;
};

// Prints "Failed to <what>: <why>"; returns the exit code of `code`.
int failed_to(const Run& run, const char* what, nvmlReturn_t code);

// GPUs with MIG enabled. Prints a message when there is none; when a call fails, prints "Failed to
// <what>: ..." and sets *exit. Otherwise *exit = 0: no MIG GPU is not a failure, for any command.
std::vector<Gpu> enabled_gpus(const Run& run,
                              const std::vector<Gpu>& gpus,
                              const char* what,
                              int* exit);

// GPU instances that match the filter, on MIG-enabled GPUs; empty after printing the reason (*exit
// set).
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
