// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: what a job leaves behind where there is no cgroup to tell: its orphans become
// children of this process, its sub-reaper (PR_SET_CHILD_SUBREAPER), and are ended with the job.
// Best effort of the user's own process: killed itself, it ends nothing; what then runs on the
// instance is ended by who keeps the leases.
#ifndef MIGCTL_LAUNCH_LEFTOVERS_H_
#define MIGCTL_LAUNCH_LEFTOVERS_H_

#include <chrono>
#include <string>
#include <vector>

#include "model/lease_values.h"

namespace mig::launch {

class Leftovers {
 public:
  // From now on orphans of this process's descendants become its children. Those it has already are
  // none of the job's, but for `first`.
  Leftovers(std::string proc, int first);

  // SIGTERM to all descendants, and SIGKILL to those that live after the grace.
  void end(std::chrono::milliseconds grace) const;

 private:
  std::vector<lease::LeaseHolder> there() const;

  std::string proc_;
  std::vector<lease::LeaseHolder> before_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_LEFTOVERS_H_
