// SPDX-License-Identifier: Apache-2.0
// `sim capture`: writes the board file of a present GPU.
#ifndef MIGCTL_SIM_TOOLS_CMD_CAPTURE_H_
#define MIGCTL_SIM_TOOLS_CMD_CAPTURE_H_

#include <cstdint>
#include <string>

#include "sim/tools/problem.h"
#include "sim/tools/sim_cli.h"

namespace migsim {

struct CaptureRequest {
  std::uint32_t gpu = 0;
  std::string file;  // output file; "" = standard output
  std::string key;   // board key; "" = the built-in board's, else derived from the GPU's name
  bool fill = false;
  bool json = false;
};

// Writes the board file to `file` or stdout; the report (unknown figures, differences from the
// built-in board of that name) goes to stdout or, when the board file is there, to stderr.
Problem cmd_capture(const CaptureRequest& request, const SimPaths& paths);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CMD_CAPTURE_H_
