// SPDX-License-Identifier: Apache-2.0
// CDI files that are not ours and name a device that ours names. Within one folder the name is then
// unresolvable; of two folders the later one counts, so that the other file answers while ours is
// withdrawn.
//
// Threading: functions of the file system.
#ifndef MIGCTL_CDI_FOREIGN_H_
#define MIGCTL_CDI_FOREIGN_H_

#include <map>
#include <string>
#include <vector>

#include "cdi/spec.h"

namespace mig::cdi {

struct ForeignDevice {
  std::string file, name;  // "/etc/cdi/nvidia.yaml", "nvidia.com/gpu=0:1"
};

// In the folder of `path` and in `folders`; the file itself is left out. Files that cannot be read
// are no reader's either.
std::vector<ForeignDevice> named_elsewhere(const Spec& spec,
                                           const std::string& path,
                                           const std::vector<std::string>& folders);

// Every device that the CDI files of these folders name, "nvidia.com/gpu=0:1", with its files.
std::map<std::string, std::vector<std::string>> all_names(const std::vector<std::string>& folders);

// The folders that container engines read, as far as they can matter to a file at `path`: those of
// the host, unless the file lies in a simulated machine's tree, which has its own.
std::vector<std::string> engine_folders(const std::string& path);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_FOREIGN_H_
