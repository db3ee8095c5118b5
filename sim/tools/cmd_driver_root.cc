// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/cmd_driver_root.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include "sim/machine/machine.h"
#include "sim/machine/own_way.h"
#include "sim/tools/commands.h"
#include "sim/tools/machines.h"
#include "sim/tools/mounter.h"
#include "sim/tools/shell_nodes.h"
#include "sim/tree/dir.h"
#include "sim/tree/steps.h"
#include "sim/tree/tree.h"

namespace migsim {

namespace {

// Says which folder is ours; no driver has this file.
constexpr const char* kMark = ".migctl-driver-root";
constexpr const char* kLibraries = "usr/lib/x86_64-linux-gnu";
constexpr const char* kRealDriver = "/proc/driver/nvidia/version";

std::string reason(int code) {
  return std::error_code(code, std::generic_category()).message();
}

Problem read_whole(const std::string& path, std::string& content) {
  std::ifstream file(path, std::ios::binary);
  content.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || content.empty()) {
    return {Exit::kIo, "cannot read " + path, "migctl's own files are missing: install it again"};
  }
  return {};
}

// The folder, made where it is missing; refused when it has content that is not ours.
Problem open_folder(const std::string& path, Dir& out) {
  if (const std::string foreign = foreign_on_way(path); !foreign.empty()) {
    return {Exit::kPermission, "cannot use " + path + ": " + foreign, "name a folder of your own"};
  }
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return {Exit::kIo, "cannot make the folder " + path + ": " + reason(errno), ""};
  }
  if (const int code = Dir::open(path, out); code != 0) {
    return {Exit::kIo, "cannot open the folder " + path + ": " + reason(code), ""};
  }
  if (!out.has(kMark) && !out.names().empty()) {
    return {Exit::kConflict,
            path + " is not empty, and was not made by migctl sim driver-root",
            "name an empty folder, or one that does not exist"};
  }
  return {};
}

// Nodes here can be opened, unlike those of the shell: with a driver that would be real GPUs.
Problem check_nodes(Nodes nodes) {
  if (nodes != Nodes::kCharacterDevices) {
    return {};
  }
  if (geteuid() != 0) {
    return {Exit::kPermission, "device nodes need root", "without --char-devices it needs no root"};
  }
  if (access(kRealDriver, F_OK) == 0 && access(kMachinePointer, F_OK) != 0) {
    return {Exit::kConflict,
            "this host has an NVIDIA driver: nodes with a driver's numbers would be its GPUs",
            "leave --char-devices out"};
  }
  return {};
}

// Files under the names of the driver's packages; links within the folder, so that it may be
// mounted elsewhere.
Problem write_files(const Dir& root,
                    const std::string& machine,
                    const std::string& driver,
                    const SimPaths& paths) {
  std::string library;
  std::string program;
  if (Problem problem = read_whole(paths.library_dir + "/libnvidia-ml.so.1", library);
      !problem.ok()) {
    return problem;
  }
  if (Problem problem = read_whole(paths.migctl, program); !problem.ok()) {
    return problem;
  }
  Steps steps;
  steps.file(root, kMark, machine + "\n", 0644);
  const Dir libraries = steps.enter(root, kLibraries);
  for (const std::string& old : libraries.names()) {  // of another version
    if (old.starts_with("libnvidia-ml.so.") || old.starts_with("libcuda.so.")) {
      libraries.remove(old.c_str());
    }
  }
  const std::string nvml = "libnvidia-ml.so." + driver;
  const std::string cuda = "libcuda.so." + driver;
  steps.file(libraries, nvml.c_str(), library, 0644);
  steps.link(libraries, "libnvidia-ml.so.1", nvml.c_str());
  steps.file(libraries,
             cuda.c_str(),
             "Stands for the CUDA driver library of a machine simulated by migctl.\n",
             0644);
  steps.link(libraries, "libcuda.so.1", cuda.c_str());
  const Dir programs = steps.enter(root, "usr/bin");
  steps.file(programs, "nvidia-smi", program, 0755);
  if (steps.error() != 0) {
    return {Exit::kIo, "cannot write the driver's files: " + reason(steps.error()), ""};
  }
  return {};
}

Problem write_nodes(const Dir& root,
                    const std::string& folder,
                    const std::string& tree,
                    Nodes nodes) {
  if (const int code = root.remove("dev"); code != 0) {
    return {Exit::kIo, "cannot remove " + folder + "/dev: " + reason(code), ""};
  }
  if (nodes != Nodes::kCharacterDevices) {
    return {};
  }
  Mounter mounter;
  mounter.folder(folder + "/dev");
  make_device_nodes(mounter, tree, folder + "/dev");
  return mounter.problem();
}

}  // namespace

Problem cmd_driver_root(const std::string& name,
                        const std::string& folder,
                        Nodes nodes,
                        const SimPaths& paths,
                        bool json) {
  std::unique_ptr<Machine> machine;
  if (Problem problem = open_machine(name, machine); !problem.ok()) {
    return problem;
  }
  if (Problem problem = check_nodes(nodes); !problem.ok()) {
    return problem;
  }
  if (const Status status = sync_tree(*machine); !status.ok()) {
    return {Exit::kIo, status.error, ""};
  }
  std::string driver;
  {
    const Machine::View view(*machine);
    driver = view->options.driver_version;
  }
  Dir root;
  if (Problem problem = open_folder(folder, root); !problem.ok()) {
    return problem;
  }
  if (Problem problem = write_files(root, name, driver, paths); !problem.ok()) {
    return problem;
  }
  if (Problem problem = write_nodes(root, folder, machine->dir() + "/tree", nodes); !problem.ok()) {
    return problem;
  }
  print_done(json ? "driver-root" : "made the driver root of", name, json);
  return {};
}

}  // namespace migsim
