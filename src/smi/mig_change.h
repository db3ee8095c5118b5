// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi mig -cgi|-cci|-dci|-dgi`. Each function returns the exit code. Arguments are
// processed from left to right up to the first refusal, and completed ones are kept, as with
// nvidia-smi. On GPUs without MIG they do nothing and print so with a non-zero exit code.
#ifndef MIGCTL_SMI_MIG_CHANGE_H_
#define MIGCTL_SMI_MIG_CHANGE_H_

#include <string>
#include <vector>

#include "smi/mig_list.h"

namespace mig::smi {

// `profiles`: comma-separated ids or names ("9", "3g.20gb", "MIG 3g.20gb"), each with an optional
// ":<start>". `with_ci`: fill each new instance with its default compute instance (-C).
int create_gis(const Run& run,
               const std::vector<Gpu>& gpus,
               const std::string& profiles,
               bool with_ci);
// `profiles` "": the default compute instance.
int create_cis(const Run& run,
               const std::vector<Gpu>& gpus,
               const MigFilter& filter,
               const std::string& profiles);
int destroy_cis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);
int destroy_gis(const Run& run, const std::vector<Gpu>& gpus, const MigFilter& filter);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MIG_CHANGE_H_
