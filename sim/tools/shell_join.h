// SPDX-License-Identifier: Apache-2.0
// A folder of the host's with entries of ours among its own, in the namespace only. Nothing can be
// made in /sys, and nothing may be made in the host's /usr or /dev.
#ifndef MIGCTL_SIM_TOOLS_SHELL_JOIN_H_
#define MIGCTL_SIM_TOOLS_SHELL_JOIN_H_

#include <string>

#include "sim/tools/mounter.h"

namespace migsim {

// Shows `from` (a file, folder or link as it is) at `to`, which must be in a tmpfs of ours. An
// entry that is gone by now is left out.
void show_entry(Mounter& mounter, const std::string& from, const std::string& to);

struct Join {
  std::string folder;  // of the host, as it is reached: "/sys/module"
  std::string ours;    // entries to show in it; a folder that both have is joined in turn
  std::string hidden;  // the host's entries whose names begin so are left out; "" = none
};

// A tmpfs made at `staged` takes the folder's place, with every entry of both bound in. It can be
// written, and what is written is lost; the host's own entries stay as writable as they are. If a
// step fails, the folder is as before.
void join_folder(Mounter& mounter, const Join& join, const std::string& staged);

// The same as one read-only overlay, for folders with thousands of entries. False where that cannot
// be: no overlayfs (or not for this user), too many on top of each other, or mounts in the folder,
// which an overlay does not show.
bool overlay_folder(const Join& join);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_JOIN_H_
