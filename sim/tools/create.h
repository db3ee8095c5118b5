// SPDX-License-Identifier: Apache-2.0
// Creates a simulated machine from the user's request.
#ifndef MIGCTL_SIM_TOOLS_CREATE_H_
#define MIGCTL_SIM_TOOLS_CREATE_H_

#include <memory>
#include <string>

#include "sim/machine/state.h"
#include "sim/tools/machine_spec.h"
#include "sim/tools/problem.h"

namespace migsim {

// Content of the machine's files. On the heap: both are large.
struct MachineImage {
  std::unique_ptr<Hardware> hardware = std::make_unique<Hardware>();
  std::unique_ptr<State> state = std::make_unique<State>();
};

// Checks the request and fills the image: every GPU in the state after power-on, MIG disabled.
Problem plan_machine(const MachineSpec& spec, MachineImage& image);

// Makes <root>/<name> with machine.state, machine.json and tree/ atomically: a failure or a kill
// leaves no incomplete machine under that name. `dir` receives the path.
Problem create_machine(const MachineSpec& spec, std::string& dir);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CREATE_H_
