// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: a cgroup (v2) for one job below our own, where the kernel and its owner
// permit: then no process of the job survives a stop. Used for membership only, without
// controllers.
#ifndef MIGCTL_LAUNCH_CGROUP_H_
#define MIGCTL_LAUNCH_CGROUP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"

namespace mig::launch {

class JobCgroup {
 public:
  // Creates the cgroup; nullptr: not permitted, or no cgroup v2. `name`: of the new folder,
  // PREFIX-PID. Removes empty ones beside it, with the same prefix, of processes that have ended: a
  // run that was killed, or whose command left a process behind, could not remove its own.
  static std::unique_ptr<JobCgroup> make(const std::string& name,
                                         const std::string& cgroups = "/sys/fs/cgroup",
                                         const std::string& proc = "/proc");
  // Removes the cgroup if it is empty; remaining members go on.
  ~JobCgroup();
  JobCgroup(const JobCgroup&) = delete;
  JobCgroup& operator=(const JobCgroup&) = delete;
  JobCgroup(JobCgroup&&) = delete;
  JobCgroup& operator=(JobCgroup&&) = delete;

  // Descriptor of the folder, for clone3(2) with CLONE_INTO_CGROUP: free for a new process, while a
  // later migration costs some ten milliseconds.
  int folder_fd() const { return folder_.get(); }

  // Moves a process of this user into the cgroup, if the kernel permits.
  void add(int pid) const;

  // SIGTERM to all members, and SIGKILL when the grace is over; returns when it is empty.
  void end(std::chrono::milliseconds grace) const;
  // Members of a cgroup by path; empty for "" and where it does not exist.
  static std::vector<std::uint32_t> members(const std::string& path);

  // Sends SIGKILL to all members.
  void kill() const { kill_all(path_); }

  // The same by path, for a process that did not create the cgroup.
  static void kill_all(const std::string& path);

  const std::string& path() const { return path_; }

 private:
  JobCgroup(std::string path, base::Fd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}

  std::string path_;
  base::Fd folder_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CGROUP_H_
