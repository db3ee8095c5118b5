// SPDX-License-Identifier: Apache-2.0
// Folders of simulated machines under the root.
#ifndef MIGCTL_SIM_TOOLS_MACHINES_H_
#define MIGCTL_SIM_TOOLS_MACHINES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/machine.h"
#include "sim/tools/problem.h"

namespace migsim {

// Path <root>/<name>; the name must be checked already.
std::string machine_dir(std::string_view name);

// Names of the machines under the root, sorted.
std::vector<std::string> machine_names();

// Opens a machine; errors: not found (with the nearest names), or Machine::open's.
Problem open_machine(const std::string& name, std::unique_ptr<Machine>& machine);

// As open_machine, for changes from outside: for root and the owner only, even where others may
// read.
Problem open_machine_to_change(const std::string& name, std::unique_ptr<Machine>& machine);

// Folder of an existing machine; error when missing or not a folder made by create_machine (a
// symbolic link, no state).
Problem find_machine_dir(const std::string& name, std::string& dir);

// Error when the way to `path` leads through another user's link or, for root, folder
// (sim/machine/own_way.h).
Problem check_way(const std::string& path, bool itself);

// Makes the root folder and its parents.
Problem make_root(bool shared);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_MACHINES_H_
