// SPDX-License-Identifier: Apache-2.0
// `sim inject`: faults and latencies of a machine.
#ifndef MIGCTL_SIM_TOOLS_CMD_INJECT_H_
#define MIGCTL_SIM_TOOLS_CMD_INJECT_H_

#include <string>
#include <vector>

#include "sim/tools/fault_spec.h"

namespace migsim {

struct InjectRequest {
  std::string name;
  FaultSpec fault;
  std::string file;
  std::vector<std::string> latencies;  // "FUNCTION=100ms"
  bool clear = false;
  bool list = false;
  bool json = false;
};

// All or nothing: the request is checked first and committed in one step. A clear is applied first.
Problem cmd_inject(const InjectRequest& request);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CMD_INJECT_H_
