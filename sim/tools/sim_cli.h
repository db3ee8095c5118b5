// SPDX-License-Identifier: Apache-2.0
// `migctl sim ...`: makes, shows, breaks and removes simulated machines. A main program's function:
// it prints (results to stdout, errors to stderr, with --json both to stdout) and answers the exit
// code. Threading: call once, from the main thread; `sim shell` replaces the process on success.
#ifndef MIGCTL_SIM_TOOLS_SIM_CLI_H_
#define MIGCTL_SIM_TOOLS_SIM_CLI_H_

#include <functional>
#include <string>

#include "sim/tools/problem.h"

namespace migsim {

// The address of an exported function; nullptr where the library has none of that name.
using SymbolLookup = std::function<void*(const char* name)>;

struct SimPaths {
  std::string library_dir;  // folder of libnvidia-ml.so.1 and libmigsim.so
  std::string migctl;       // the binary that `sim shell` calls nvidia-smi
  // For `sim capture`: loads and initialises the driver that any other command would take; it stays
  // initialised as long as a copy of the lookup lives.
  std::function<Problem(SymbolLookup& symbol)> open_driver;
};

// argv[0] is the first word after `sim` ("create"), argc counts from there. Exit codes: 0 done, and
// those of docs/reference/errors.md.
int sim_main(int argc, char** argv, const SimPaths& paths);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SIM_CLI_H_
