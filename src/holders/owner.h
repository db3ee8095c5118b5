// SPDX-License-Identifier: Apache-2.0
// Owner of a process, in the terms of its administrators: systemd unit, container, pod, Slurm job.
// Read from the text of /proc/<pid>/cgroup (v1 and v2).
#ifndef MIGCTL_HOLDERS_OWNER_H_
#define MIGCTL_HOLDERS_OWNER_H_

#include <string>
#include <string_view>

namespace mig::holders {

// Owner of a process by its cgroup; an empty string: not in one.
struct Owner {
  std::string unit;       // systemd unit: "jupyter.service"
  std::string container;  // the id, 64 hex digits
  std::string
      container_runtime;  // "docker", "podman", "containerd", "crio"; "container" when unknown
  std::string pod;        // Kubernetes pod uid
  std::string slurm_job;  // Slurm job id: "17"
  // The owner for messages, with the short id: "pod 1b2c..., docker 3f2a9c10b7de"; "" when unknown.
  std::string str() const;
};

Owner parse_cgroup(std::string_view cgroup_text);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_OWNER_H_
