// SPDX-License-Identifier: Apache-2.0
// What a driver's packages install, at the places where they install it: /usr/bin/nvidia-smi, and
// libnvidia-ml.so.1 where the loader looks unasked. So the machine is found by absolute paths, and
// after a login shell, sudo, su or env -i has dropped PATH and LD_LIBRARY_PATH.
#ifndef MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_
#define MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_

#include <string>
#include <vector>

#include "sim/tools/mounter.h"

namespace migsim {

struct Installed {
  std::string migctl;   // what is nvidia-smi, and migctl
  std::string library;  // what is libnvidia-ml.so.1
  std::string tree;     // the machine's: driver version, further library files
  std::string scratch;  // a tmpfs of the namespace's own
};

// Every place in which the loader or a program finds a real driver's library; from the loader's own
// list (`cache`, /etc/ld.so.cache) and the folders that distributions use.
std::vector<std::string> library_places(const std::string& cache);

// A real driver's library must not be found by programs that ignore LD_LIBRARY_PATH; a failure
// is one of the mounter's.
void cover_library(Mounter& mounter, const std::string& library);

// Answers what could not be shown and what that means, one sentence each: the rest of the machine
// is there without it. Nothing of the host's changes.
std::vector<std::string> install_driver(const Installed& what);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_PROGRAMS_H_
