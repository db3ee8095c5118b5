// SPDX-License-Identifier: Apache-2.0
// Inside of service/: a control group as its folder: control files, members, what is below it.
//
// Threading: functions of their arguments and the kernel's state.
#ifndef MIGCTL_SERVICE_CGROUP_FOLDER_H_
#define MIGCTL_SERVICE_CGROUP_FOLDER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace mig::service::cgroup {

bool is_there(const std::string& path);

// Writes a control file; 0 or errno.
int write_control(const std::string& path, const std::string& text);

// The number in a control file; `fallback` for "max", and where it cannot be read.
std::uint64_t number_in(const std::string& path, std::uint64_t fallback);

// Adds the processes of the folder and of those below it, which are at `depth` of four.
void add_members(const std::string& path, int depth, std::vector<std::uint32_t>& out);

// Removes it and what is below it, as far as no process is in there.
void remove_tree(const std::string& path, int depth);

// Freezes (true) or thaws it: v2, or v1's freezer. False: it cannot be frozen.
bool set_frozen(const std::string& path, bool frozen);

}  // namespace mig::service::cgroup

#endif  // MIGCTL_SERVICE_CGROUP_FOLDER_H_
