// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "sim/tools/commands.h"
#include "sim/tools/machines.h"

namespace fs = std::filesystem;

namespace migsim {

namespace {

// Processes on the machine as text, "pid 4121 (train), pid 4122 (train)"; empty when there are
// none.
std::string running(Machine& machine) {
  constexpr int kMostNamed = 5;
  std::string text;
  int count = 0;
  Machine::Change now(machine);  // never committed: a Change drops dead processes from its image
  for (const ProcessState& process : now->processes) {
    if (process.used == 0) {
      continue;
    }
    if (++count <= kMostNamed) {
      text += (text.empty() ? "pid " : ", pid ") + std::to_string(process.pid) + " (" +
              process.name + ")";
    }
  }
  return count > kMostNamed ? text + " and " + std::to_string(count - kMostNamed) + " more" : text;
}

}  // namespace

Problem cmd_destroy(const std::string& name, bool force, bool json) {
  std::string dir;
  if (Problem problem = find_machine_dir(name, dir); !problem.ok()) {
    return problem;
  }
  if (!force) {
    std::unique_ptr<Machine> machine;
    if (Problem problem = open_machine(name, machine); !problem.ok()) {
      return problem;
    }
    if (const std::string who = running(*machine); !who.empty()) {
      return {Exit::kInUse,
              "cannot destroy simulated machine " + name + ": in use by " + who,
              "end them first, or add --force"};
    }
  }
  // Atomic removal: renamed out of sight first, so no process finds a machine with files missing.
  const std::string doomed = Machine::default_root() + "/.gone-" + std::to_string(getpid());
  if (std::rename(dir.c_str(), doomed.c_str()) != 0) {
    const int code = errno;
    return {
        code == EACCES || code == EPERM ? Exit::kPermission : Exit::kIo,
        "cannot remove " + dir + ": " + std::error_code(code, std::generic_category()).message(),
        ""};
  }
  std::error_code error;
  fs::remove_all(doomed, error);
  if (error) {
    return {Exit::kIo, "cannot remove " + doomed + ": " + error.message(), ""};
  }
  print_done("destroyed", name, json);
  return {};
}

}  // namespace migsim
