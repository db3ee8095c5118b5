// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <nlohmann/json.hpp>

#include "sim/tools/commands.h"
#include "sim/tools/create.h"

namespace migsim {

Problem cmd_create(const MachineSpec& spec, bool json) {
  std::string dir;
  if (Problem problem = create_machine(spec, dir); !problem.ok()) {
    return problem;
  }
  if (json) {
    const nlohmann::ordered_json document = {{"apiVersion", "migctl/v1"},
                                             {"kind", "SimulatedMachine"},
                                             {"simulated", true},
                                             {"name", spec.name},
                                             {"path", dir}};
    std::puts(document.dump(2).c_str());
  } else {
    std::printf("created simulated machine %s in %s\n", spec.name.c_str(), dir.c_str());
  }
  return {};
}

}  // namespace migsim
