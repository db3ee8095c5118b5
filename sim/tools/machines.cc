// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/machines.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "sim/machine/call.h"
#include "sim/machine/own_way.h"
#include "sim/tools/machine_spec.h"
#include "sim/tools/nearest.h"

namespace fs = std::filesystem;

namespace migsim {

std::string machine_dir(std::string_view name) {
  return Machine::default_root() + "/" + std::string(name);
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(Machine::default_root(), error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    std::string name = it->path().filename().string();
    if (check_machine_name(name).ok() && fs::is_directory(it->symlink_status(ignored)) &&
        fs::exists(it->path() / "machine.state", ignored)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Problem find_machine_dir(const std::string& name, std::string& dir) {
  if (Problem problem = check_machine_name(name); !problem.ok()) {
    return problem;
  }
  std::error_code denied;
  static_cast<void>(fs::exists(machine_dir(name) + "/machine.state", denied));
  if (denied == std::errc::permission_denied) {
    return {
        Exit::kPermission,
        "simulated machine \"" + name + "\" under " + Machine::default_root() +
            " is not open to you",
        "run it as root (sudo) or as its owner; sim create --shared makes one that all may see"};
  }
  const std::vector<std::string> names = machine_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string near = any_of_names(nearest(name, known));
    return {Exit::kNotFound,
            "no simulated machine \"" + name + "\" under " + Machine::default_root(),
            near.empty() ? "migctl sim create " + name + " --gpus \"1x a100-sxm4-40gb\" makes one"
                         : "did you mean " + near + "?"};
  }
  dir = machine_dir(name);
  return check_way(dir, false);  // whose the machine itself may be, Machine::open says
}

Problem open_machine(const std::string& name, std::unique_ptr<Machine>& machine) {
  std::string dir;
  if (Problem problem = find_machine_dir(name, dir); !problem.ok()) {
    return problem;
  }
  Status status;
  machine = Machine::open(dir, status);
  if (!machine) {
    return {Exit::kIo,
            status.error,
            "migctl sim destroy --force " + name + " removes a machine that cannot be opened"};
  }
  return {};
}

Problem open_machine_to_change(const std::string& name, std::unique_ptr<Machine>& machine) {
  if (Problem problem = open_machine(name, machine); !problem.ok()) {
    return problem;
  }
  if (!is_admin(*machine)) {
    return {Exit::kPermission,
            "simulated machine " + name + " is not yours to change",
            "run it as root (sudo), or as its owner"};
  }
  return {};
}

Problem check_way(const std::string& path, bool itself) {
  if (const std::string foreign = foreign_on_way(path, itself); !foreign.empty()) {
    return {Exit::kPermission,
            "cannot use " + path + ": " + foreign,
            "run it as that user (sudo -u), or set MIGSIM_ROOT to a folder of yours"};
  }
  return {};
}

Problem make_root(bool shared) {
  const fs::path root = Machine::default_root();
  if (Problem problem = check_way(root.string(), true); !problem.ok()) {
    return problem;
  }
  std::error_code error;
  fs::create_directories(root, error);
  if (error) {
    const bool denied = error == std::errc::permission_denied;
    return {denied ? Exit::kPermission : Exit::kIo,
            "cannot make " + root.string() + ": " + error.message(),
            "set MIGSIM_ROOT to a folder of yours"};
  }
  if (shared) {
    // Search permission for all: other users reach a shared machine's folder through the root.
    fs::permissions(
        root, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add, error);
  }
  return {};
}

}  // namespace migsim
