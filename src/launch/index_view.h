// SPDX-License-Identifier: Apache-2.0
// For programs that refuse a MIG UUID in CUDA_VISIBLE_DEVICES, or give its number to NVML: the
// command sees its instance as device 0 of a machine with no other (docs/reference/compat.md).
//
// CUDA: in the device sandbox only one instance can be opened, so index 0 is that one; without the
// sandbox it would be whichever is first, so there is no view without. NVML: by a library between
// the command and the driver's (src/compat), first in the command's LD_LIBRARY_PATH.
#ifndef MIGCTL_LAUNCH_INDEX_VIEW_H_
#define MIGCTL_LAUNCH_INDEX_VIEW_H_

#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "model/instance.h"

namespace mig::launch {

struct IndexView {
  std::string library_dir;     // of our libnvidia-ml.so.1
  std::string driver_library;  // absolute path of the driver's
};

// kNotFound when one of the two files is not there, kConflict inside of another view.
Result<void> check(const IndexView& view);

// Changes the environment of a rank. `library_path`: $LD_LIBRARY_PATH of the caller, may be null.
void show_as_index(std::vector<std::pair<std::string, std::string>>& environment,
                   const Instance& instance,
                   const IndexView& view,
                   const char* library_path);

// A note for programs that are known to refuse MIG UUIDs; "" for others.
std::string index_hint(const std::vector<std::string>& argv);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_INDEX_VIEW_H_
