// SPDX-License-Identifier: Apache-2.0
// The folders that are simulated machines.
#ifndef MIGCTL_SIM_TOOLS_MACHINES_H_
#define MIGCTL_SIM_TOOLS_MACHINES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/machine.h"
#include "sim/tools/problem.h"

namespace migsim {

// <root>/<name>; the name must be checked already.
std::string machine_dir(std::string_view name);

// Names under the root that hold a machine, sorted.
std::vector<std::string> machine_names();

// NotFound (with the nearest names), or what Machine::open says.
Problem open_machine(const std::string& name, std::unique_ptr<Machine>& machine);

// As open_machine, to change it from outside: for root and its owner, also when others may look.
Problem open_machine_to_change(const std::string& name, std::unique_ptr<Machine>& machine);

// The folder of an existing machine: not found, or not a folder that we made (a link, no state).
Problem find_machine_dir(const std::string& name, std::string& dir);

// Makes the folder and its parents; reports what stands in the way.
Problem make_root(bool shared);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_MACHINES_H_
