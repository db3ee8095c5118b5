// SPDX-License-Identifier: Apache-2.0
// Operations on a machine from outside: reset of a GPU, reboot; and the environment that points
// programs at it.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "abi/nvml.h"
#include "sim/machine/mig.h"
#include "sim/tools/commands.h"
#include "sim/tools/machines.h"
#include "sim/tree/open_nodes.h"
#include "sim/tree/tree.h"

namespace migsim {

namespace {

Problem sync(Machine& machine) {
  if (Status status = sync_tree(machine); !status.ok()) {
    return {Exit::kIo, status.error, ""};
  }
  return {};
}

Problem reset_problem(int code, std::uint32_t gpu) {
  const std::string what = "cannot reset GPU " + std::to_string(gpu) + ": ";
  if (code == NVML_ERROR_IN_USE) {
    return {Exit::kInUse,
            what + "it is in use by another client",
            "migctl holders shows whose; migctl sim clients, which services the machine has"};
  }
  if (code == NVML_ERROR_GPU_IS_LOST) {
    return {Exit::kDriver,
            what + "it has fallen off the bus",
            "migctl sim reboot restarts the whole machine and brings it back"};
  }
  return {Exit::kNotSupported,
          what + "the machine does not support it (NVML code " + std::to_string(code) + ")",
          "migctl sim reboot restarts the whole machine"};
}

}  // namespace

Problem cmd_reset(const std::string& name, std::uint32_t gpu, bool json) {
  std::unique_ptr<Machine> machine;
  if (Problem problem = open_machine_to_change(name, machine); !problem.ok()) {
    return problem;
  }
  const Hardware& hardware = machine->hardware();
  if (gpu >= hardware.gpu_count) {
    return {Exit::kNotFound,
            "simulated machine " + name + " has no GPU " + std::to_string(gpu),
            "its GPUs are 0 to " + std::to_string(hardware.gpu_count - 1)};
  }
  const OpenNodes open = open_nodes(*machine);
  {
    Machine::Change change(*machine);
    if (const int code = reset_gpu({hardware, *change, gpu}, open.gpu(gpu)); code != NVML_SUCCESS) {
      return reset_problem(code, gpu);
    }
    change.commit();
  }
  if (Problem problem = sync(*machine); !problem.ok()) {
    return problem;
  }
  print_done("reset GPU " + std::to_string(gpu) + " of", name, json);
  return {};
}

Problem cmd_reboot(const std::string& name, bool json) {
  std::unique_ptr<Machine> machine;
  if (Problem problem = open_machine_to_change(name, machine); !problem.ok()) {
    return problem;
  }
  {
    Machine::Change change(*machine);
    reboot(machine->hardware(), *change);
    change.commit();
  }
  if (Problem problem = sync(*machine); !problem.ok()) {
    return problem;
  }
  print_done("rebooted", name, json);
  return {};
}

void print_done(const std::string& what, const std::string& name, bool json) {
  if (!json) {
    std::printf("%s simulated machine %s\n", what.c_str(), name.c_str());
    return;
  }
  const nlohmann::ordered_json document = {{"apiVersion", "migctl/v1"},
                                           {"kind", "SimulatedMachineChange"},
                                           {"simulated", true},
                                           {"action", what},
                                           {"name", name}};
  std::puts(document.dump(2).c_str());
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

Problem cmd_env(const std::string& name, const SimPaths& paths, bool json) {
  std::string dir;
  if (Problem problem = find_machine_dir(name, dir); !problem.ok()) {
    return problem;
  }
  if (json) {
    const nlohmann::ordered_json document = {
        {"apiVersion", "migctl/v1"},
        {"kind", "SimulatedMachineEnvironment"},
        {"simulated", true},
        {"environment", {{"MIGSIM_MACHINE", dir}, {"LD_LIBRARY_PATH", paths.library_dir}}}};
    std::puts(document.dump(2).c_str());
    return {};
  }
  std::printf("export MIGSIM_MACHINE=%s\n", shell_quoted(dir).c_str());
  std::printf("export LD_LIBRARY_PATH=%s\"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\"\n",
              shell_quoted(paths.library_dir).c_str());
  return {};
}

}  // namespace migsim
