// SPDX-License-Identifier: Apache-2.0
// Adds entries to a folder of the host, inside the namespace only: /sys takes no new files, and the
// host's /usr and /dev must not get any.
#ifndef MIGCTL_SIM_TOOLS_SHELL_JOIN_H_
#define MIGCTL_SIM_TOOLS_SHELL_JOIN_H_

#include <string>

#include "sim/tools/mounter.h"

namespace migsim {

// Shows `from` (file, folder or symbolic link) at `to`, which must be in a tmpfs of this namespace.
// An entry that has disappeared is left out.
void show_entry(Mounter& mounter, const std::string& from, const std::string& to);

struct Join {
  std::string folder;  // host folder, by its real path: "/sys/module"
  std::string ours;    // folder of entries to add; a folder present in both is joined recursively
  std::string hidden;  // host entries whose names begin so are hidden; "" = none
};

// Covers the folder with a tmpfs prepared at `staged`, into which every entry of both folders is
// bound. The tmpfs is writable, and what is written is lost; the host's own entries keep their
// permissions. If a step fails, the folder is unchanged.
void join_folder(Mounter& mounter, const Join& join, const std::string& staged);

// As join_folder, by one read-only overlayfs, for folders with thousands of entries. False where
// impossible: no overlayfs (or not for this user), nesting too deep, or mount points in the folder,
// which an overlay would hide.
bool overlay_folder(const Join& join);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_JOIN_H_
