// SPDX-License-Identifier: Apache-2.0
// JSON of what `migctl slurm` prints. Threading: pure functions.
#ifndef MIGCTL_WIRE_SLURM_H_
#define MIGCTL_WIRE_SLURM_H_

#include <string>

#include "model/slurm_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string slurm_files_document(const slurm::Files& files, const Source& source);
std::string slurm_check_document(const slurm::Check& check, const Source& source);
std::string slurm_change_document(const slurm::Switched& change, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_SLURM_H_
