// SPDX-License-Identifier: Apache-2.0
// The processes of a GPU as nvidia-smi shows them: one row per process and instance, with its type
// (C compute, G graphics, C+G both, M+C client of an MPS server).
#ifndef MIGCTL_SMI_PROCESSES_H_
#define MIGCTL_SMI_PROCESSES_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

struct Process {
  unsigned gpu = 0, pid = 0;
  std::optional<unsigned> gi, ci;  // nullopt outside of MIG
  std::string type;
  std::string name;                              // "-" if the process has ended
  std::optional<unsigned long long> memory_mib;  // nullopt: unknown to the driver
};

// Processes of all types. A type that the driver refuses to list (no permission) is left out.
std::vector<Process> processes_on(const Run& run, const Gpu& gpu);

// Last component of a path: "/usr/bin/python3" -> "python3".
std::string base_name(const std::string& path);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_PROCESSES_H_
