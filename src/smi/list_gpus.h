// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi -L`: GPUs and their MIG devices with UUIDs.
#ifndef MIGCTL_SMI_LIST_GPUS_H_
#define MIGCTL_SMI_LIST_GPUS_H_

#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// Lines of -L: "GPU 0: NVIDIA H200 (UUID: GPU-...)" and "  MIG 2g.35gb     Device  2: (UUID:
// MIG-...)".
std::string gpu_line(unsigned index, const std::string& name, const std::string& uuid);
std::string gpu_line(const Run& run, const Gpu& gpu);  // unreadable values are empty
std::string mig_device_line(unsigned index, const std::string& profile, const std::string& uuid);

// A MIG device of a GPU.
struct MigDevice {
  unsigned index = 0;
  nvmlDevice_t device = nullptr;
};

// MIG devices in index order; empty when MIG is off.
std::vector<MigDevice> mig_devices(const Run& run, nvmlDevice_t gpu);

int list_gpus(const Run& run, const std::vector<Gpu>& gpus);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_LIST_GPUS_H_
