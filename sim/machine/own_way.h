// SPDX-License-Identifier: Apache-2.0
// The way to a simulated machine, or to another file of the simulator's: no user but root and this
// process's own may decide where it leads. A link of another user is followed nowhere, and root
// enters no folder of another user's: such a user could exchange the machine in it at any time.
#ifndef MIGCTL_SIM_MACHINE_OWN_WAY_H_
#define MIGCTL_SIM_MACHINE_OWN_WAY_H_

#include <string>

namespace migsim {

// Which component of `path` is somebody else's, for the user to read; "" = none is. What does not
// exist yet is nobody's. `itself`: the folder that the path names counts too, not only those on the
// way to it.
std::string foreign_on_way(const std::string& path, bool itself = true);

// Opens a file for writing, made when missing, its content kept; -1 with errno (EPERM: the way, the
// file or a further name of it, a hard link, is somebody else's). Pipes and devices are opened too.
int open_own_output(const std::string& path, int flags);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_OWN_WAY_H_
