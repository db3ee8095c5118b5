// SPDX-License-Identifier: Apache-2.0
// `migctl sim ...`: creates, shows, injects faults into and removes simulated machines. Entry point
// of a main program: it prints (results to stdout, errors to stderr, with --json both to stdout)
// and returns the exit code. Threading: call once, from the main thread; `sim shell` replaces the
// process on success.
#ifndef MIGCTL_SIM_TOOLS_SIM_CLI_H_
#define MIGCTL_SIM_TOOLS_SIM_CLI_H_

#include <functional>
#include <string>

#include "sim/tools/problem.h"

namespace migsim {

// Looks up an exported function; nullptr when the library lacks it.
using SymbolLookup = std::function<void*(const char* name)>;

struct SimPaths {
  std::string library_dir;  // folder of libnvidia-ml.so.1 and libmigsim.so
  std::string migctl;       // binary installed as nvidia-smi inside `sim shell`
  // For `sim capture`: loads and initialises the default driver, as other commands choose it; the
  // driver stays initialised while a copy of the lookup lives.
  std::function<Problem(SymbolLookup& symbol)> open_driver;
};

// argv[0] is the first word after `sim` ("create"); argc counts from there. Returns an exit code of
// docs/reference/errors.md.
int sim_main(int argc, char** argv, const SimPaths& paths);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SIM_CLI_H_
