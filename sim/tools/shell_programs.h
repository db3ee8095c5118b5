// SPDX-License-Identifier: Apache-2.0
// Installs what a driver's packages would, in the same places: /usr/bin/nvidia-smi, and
// libnvidia-ml.so.1 in the loader's default folders. So programs find the machine by absolute
// paths, and after a login shell, sudo, su or env -i has dropped PATH and LD_LIBRARY_PATH.
#ifndef MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_
#define MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_

#include <string>
#include <vector>

#include "sim/tools/mounter.h"

namespace migsim {

struct Installed {
  std::string migctl;   // source of nvidia-smi and migctl
  std::string library;  // source of libnvidia-ml.so.1
  std::string tree;     // the machine's tree: driver version, further library files
  std::string scratch;  // a tmpfs of the namespace
};

// Every path at which the loader or a program finds a real driver's library: from the loader's
// cache (`cache`, /etc/ld.so.cache) and the folders of common distributions.
std::vector<std::string> library_places(const std::string& cache);

// Covers a real driver's library against programs that ignore LD_LIBRARY_PATH; a failure is
// recorded in the mounter.
void cover_library(Mounter& mounter, const std::string& library);

// Installs the machine's programs and libraries in the namespace. Returns one sentence for each
// that could not be installed, with the consequence; the rest of the machine works without it. No
// file of the host changes.
std::vector<std::string> install_driver(const Installed& what);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_
