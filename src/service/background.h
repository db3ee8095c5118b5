// SPDX-License-Identifier: Apache-2.0
// Inside of service/: jobs in the background outlive the login session that they were started from.
// With KillUserProcesses= systemd ends the cgroup of a session when its user logs out, and that of
// the user's manager with the last session. The process that waits for a lease, and later
// supervises the job, is moved beside them, below the same user's slice, whose limits go on to hold
// (docs/adr/0012-pending-jobs.md).
#ifndef MIGCTL_SERVICE_BACKGROUND_H_
#define MIGCTL_SERVICE_BACKGROUND_H_

#include <cstdint>
#include <string>

#include "base/proc_root.h"

namespace mig::service {

struct SessionRoots {
  std::string cgroups = "/sys/fs/cgroup";
  std::string proc = base::proc_root();
};

// False: it is in no session of this user's, or may not be moved; it stays where it is.
bool leave_session(std::uint32_t pid, std::uint32_t uid, const SessionRoots& roots = {});

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_BACKGROUND_H_
