// SPDX-License-Identifier: Apache-2.0
// The CDI devices of a machine, as `migctl cdi list` shows them. cdi/ makes them, wire/ encodes
// them. Plain values.
#ifndef MIGCTL_MODEL_CDI_DEVICES_H_
#define MIGCTL_MODEL_CDI_DEVICES_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"

namespace mig {

// Names of one instance or GPU, and what a container that is given one of them gets.
struct CdiDeviceEntry {
  std::optional<GpuIndex> gpu;     // nullopt: all
  std::string profile;             // of the compute instance; "" = a whole GPU, or all
  std::string uuid;                // "MIG-...", "GPU-..."; "" = all
  std::vector<std::string> names;  // "0:1", "MIG-...", "1g.18gb-0", "train-a"
  std::vector<std::string> nodes;  // paths in the container
  bool in_file = false;            // the kept file has all of these names
};

struct CdiDeviceList {
  std::string path;  // of the kept file; "" = none is kept
  std::string kind;
  std::vector<CdiDeviceEntry> devices;
  std::vector<std::string> left_out;  // what has no device, and why; one line each
};

}  // namespace mig

#endif  // MIGCTL_MODEL_CDI_DEVICES_H_
