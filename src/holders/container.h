// SPDX-License-Identifier: Apache-2.0
// Containers, as cgroups and processes show them.
//
// A lease whose job is a container has a cgroup in which the engine makes the container's own
// (--cgroup-parent), so that its processes are known from its first one on, whoever its parent is:
//
//   /migctl/node/containers-12/libpod-3f2a...      Podman, cgroupfs
//   /migctl/node/containers-12/3f2a...             Docker, cgroupfs
//   /migctl.slice/migctl-node.slice/migctl-node-lease12.slice/docker-3f2a....scope      systemd
//
// Beside it an engine may put its monitor (conmon), which is no process of the job: it records the
// container's end, and ends itself.
//
// Threading: functions of the file system.
#ifndef MIGCTL_HOLDERS_CONTAINER_H_
#define MIGCTL_HOLDERS_CONTAINER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mig::holders {

// True for the path of a cgroup in which engines make those of a lease's containers.
bool is_containers_cgroup(std::string_view path);

// What an engine takes as --cgroup-parent for such a path: a slice's name, or the path below the
// root of its hierarchy.
std::string engine_parent(const std::string& path);

// The container's id in the name of its cgroup, 64 hex digits; "" where it is no container's.
std::string container_id(std::string_view cgroup_name);

// Cgroups of containers directly below `path`.
std::vector<std::string> container_cgroups(const std::string& path);

// True while a process is in one of them.
bool containers_live(const std::string& path);

// Name of the container that the process is in: from the command line of its monitor (Podman), else
// from Docker's state, which root only can read; "" where neither tells.
std::string container_name(const std::string& proc, std::uint32_t pid, const std::string& id);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_CONTAINER_H_
