// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: a cgroup (v2) for one job below our own, where the kernel and the owner of
// ours permit it: then nothing that the job started outlives a stop. Only members are counted; no
// controller is asked for.
#ifndef MIGCTL_LAUNCH_CGROUP_H_
#define MIGCTL_LAUNCH_CGROUP_H_

#include <memory>
#include <string>

#include "base/fd.h"

namespace mig::launch {

class JobCgroup {
 public:
  // nullptr: not permitted, or no cgroup v2 here. `name`: of the new folder.
  static std::unique_ptr<JobCgroup> make(const std::string& name,
                                         const std::string& cgroups = "/sys/fs/cgroup",
                                         const std::string& proc = "/proc");
  // Takes the cgroup away when it is empty; who is still in it goes on.
  ~JobCgroup();
  JobCgroup(const JobCgroup&) = delete;
  JobCgroup& operator=(const JobCgroup&) = delete;
  JobCgroup(JobCgroup&&) = delete;
  JobCgroup& operator=(JobCgroup&&) = delete;

  // The folder, for clone3(2): a child that is born in it costs nothing, one that moves there later
  // costs the kernel some ten milliseconds.
  int folder_fd() const { return folder_.get(); }

  // SIGKILL to all members.
  void kill() const { kill_all(path_); }

  // The same by its folder, for who did not make it.
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
