// SPDX-License-Identifier: Apache-2.0
// Owner of a process, in the terms of its administrators: systemd unit, container, pod, Slurm job.
// Read from the text of /proc/<pid>/cgroup (v1 and v2).
#ifndef MIGCTL_HOLDERS_OWNER_H_
#define MIGCTL_HOLDERS_OWNER_H_

#include <string>
#include <string_view>

#include "model/holder.h"

namespace mig::holders {

using mig::Owner;

Owner parse_cgroup(std::string_view cgroup_text);

// The unit of the system's manager that the process is in ("gdm.service"), which only root can put
// it into; "" for one in a user's session or in a unit of a user's own manager, whatever its name.
std::string system_unit(std::string_view cgroup_text);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_OWNER_H_
