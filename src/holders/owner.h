// SPDX-License-Identifier: Apache-2.0
// Owner of a process, in the terms of its administrators: systemd unit, container, pod, Slurm job.
// Read from the text of /proc/<pid>/cgroup (v1 and v2).
#ifndef MIGCTL_HOLDERS_OWNER_H_
#define MIGCTL_HOLDERS_OWNER_H_

#include <string_view>

#include "model/holder.h"

namespace mig::holders {

using mig::Owner;

Owner parse_cgroup(std::string_view cgroup_text);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_OWNER_H_
