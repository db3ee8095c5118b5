// SPDX-License-Identifier: Apache-2.0
// What a Slurm node is told of its GPUs, as values: the lines of gres.conf, findings of a check,
// the end of a change. Plain values.
#ifndef MIGCTL_MODEL_SLURM_VALUES_H_
#define MIGCTL_MODEL_SLURM_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"

namespace mig::slurm {

// An instance, or a whole GPU without MIG: one generic resource.
struct Device {
  std::uint32_t index = 0;  // Slurm's number of it on this node: SLURM_STEP_GPUS has it
  std::string type;         // "1g.18gb"
  std::string uuid;         // "MIG-..." or "GPU-..."
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;  // nullopt: the whole GPU
  std::optional<ComputeInstanceId> compute_instance;
  std::vector<std::string> files;  // device nodes, the GPU's first

  friend bool operator==(const Device&, const Device&) = default;
};

struct Files {
  std::string node;  // NodeName
  std::string gres;  // of the node's line in slurm.conf: "gpu:1g.18gb:2,gpu:3g.71gb:1"; "" = none
  std::vector<Device> devices;  // in the order of their numbers
  std::string gres_conf;        // the lines of gres.conf
  std::vector<std::string> warnings;
};

struct Finding {
  bool wrong = true;   // false: only to be known
  std::string where;   // file and line, or the program that was asked
  std::string what;    // what is so, and what should be
  std::string remedy;  // "" = none
};

struct Check {
  std::string node;
  std::uint32_t devices = 0;  // of the machine
  std::vector<Finding> findings;

  bool good() const {
    for (const Finding& finding : findings) {
      if (finding.wrong) {
        return false;
      }
    }
    return true;
  }
};

// The end of `slurm apply` and `slurm recover`.
struct Switched {
  std::string node;
  std::string outcome;  // unchanged, applied, recovered, taken_back, nothing
  std::string before;   // the node's Gres before
  Files files;          // what is there now
};

}  // namespace mig::slurm

#endif  // MIGCTL_MODEL_SLURM_VALUES_H_
