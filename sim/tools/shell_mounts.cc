// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/shell_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include <sched.h>

#include "sim/machine/machine.h"
#include "sim/tools/mounter.h"
#include "sim/tools/shell_join.h"
#include "sim/tools/shell_nodes.h"
#include "sim/tools/shell_programs.h"

namespace migsim {

namespace {

bool write_proc_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return done;
}

// Enters a user namespace in which the caller is root: enough to mount, and the kernel maps it to
// the caller's uid for access to the machine's files.
bool unshare_as_user() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
         write_proc_file("/proc/self/setgroups", "deny") &&
         write_proc_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") &&
         write_proc_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

Problem unshare_mounts() {
  if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0) {
    return {};
  }
  if (unshare_as_user()) {
    return {};
  }
  const std::string why = std::error_code(errno, std::generic_category()).message();
  return {Exit::kPermission,
          "cannot enter a mount namespace of its own: " + why,
          "run as root, or allow user namespaces (Ubuntu: sysctl "
          "kernel.apparmor_restrict_unprivileged_userns=0); migctl sim env needs neither"};
}

bool exists(const std::string& path) {
  struct stat info {};

  return lstat(path.c_str(), &info) == 0;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// /proc/modules: the host's lines without those of a real driver, and the machine's.
std::string merged_modules(const std::string& tree) {
  std::istringstream host(read_file("/proc/modules"));
  std::string text = read_file(tree + "/proc/modules");
  for (std::string line; std::getline(host, line);) {
    if (!line.starts_with("nvidia")) {
      text += line + "\n";
    }
  }
  return text;
}

// /proc/devices: the machine's character devices added to the host's list.
std::string merged_devices(const std::string& tree) {
  std::istringstream host(read_file("/proc/devices"));
  const std::string own = read_file(tree + "/proc/devices");
  std::string text = own.substr(0, own.find("\n\n") + 1);
  for (std::string line; std::getline(host, line);) {
    if (line != "Character devices:" && line.find(" nvidia") == std::string::npos) {
      text += line + "\n";
    }
  }
  return text;
}

bool is_number(const std::string& name) {
  return std::all_of(
      name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// A kernel without loadable modules has no /proc/modules to bind over, and /proc takes no new
// files. /proc is then replaced by a folder of links into the real one, with the modules file
// beside them. Processes then appear only as /proc/self and /proc/thread-self, not by number.
void replace_proc(Mounter& mounter, const std::string& scratch, const std::string& tree) {
  const std::string modules = merged_modules(tree);
  const std::string devices = merged_devices(tree);
  mounter.folder(scratch + "/proc");
  mounter.bind("/proc", scratch + "/proc");
  mounter.tmpfs("/proc", "mode=0755");
  const std::string real = scratch + "/proc";
  for (const std::string& name : mounter.names_in(real)) {
    if (!is_number(name) && name != "driver" && name != "devices" && name != "modules") {
      mounter.link(below("/proc", name), below(real, name));
    }
  }
  mounter.link("/proc/driver", tree + "/proc/driver");
  mounter.file("/proc/modules", modules, 0444);
  mounter.file("/proc/devices", devices, 0444);
}

void cover_proc(Mounter& mounter, const std::string& scratch, const std::string& tree) {
  if (!exists("/proc/modules") || !exists("/proc/driver")) {
    replace_proc(mounter, scratch, tree);
    return;
  }
  mounter.file(scratch + "/proc-modules", merged_modules(tree), 0444);
  mounter.file(scratch + "/proc-devices", merged_devices(tree), 0444);
  mounter.bind(scratch + "/proc-modules", "/proc/modules");
  mounter.bind(scratch + "/proc-devices", "/proc/devices");
  mounter.bind(tree + "/proc/driver", "/proc/driver");
}

// Without a PCI bus (some virtual machines) there is no folder to bind over; /sys/bus is then
// replaced by links into the real one and the machine's.
void cover_bus(Mounter& mounter, const std::string& scratch, const std::string& pci) {
  if (exists("/sys/bus/pci")) {
    mounter.bind(pci, "/sys/bus/pci");
    return;
  }
  mounter.folder(scratch + "/bus");
  mounter.bind("/sys/bus", scratch + "/bus");
  mounter.tmpfs("/sys/bus", "mode=0755");
  const std::string real = scratch + "/bus";
  for (const std::string& name : mounter.names_in(real)) {
    mounter.link(below("/sys/bus", name), below(real, name));
  }
  mounter.folder("/sys/bus/pci");
  mounter.bind(pci, "/sys/bus/pci");
}

// The host's other devices stay visible: readers of /sys (disks, processors) find them. The host's
// NVIDIA modules are hidden.
void cover_sys(Mounter& mounter, const std::string& scratch, const std::string& tree) {
  const std::string sys = tree + "/sys";
  if (!exists("/sys/devices")) {  // no sysfs in this container
    mounter.bind(sys, "/sys");
    return;
  }
  cover_bus(mounter, scratch, sys + "/bus/pci");
  join_folder(mounter, {"/sys/devices", sys + "/devices"}, scratch + "/sys-devices");
  if (exists("/sys/module")) {
    join_folder(mounter, {"/sys/module", sys + "/module", "nvidia"}, scratch + "/sys-module");
  }
}

// /dev is shared by all mount namespaces, so no node may be made in it: a fresh tmpfs takes its
// place, with the host's entries bound in, except those of a real driver.
void cover_dev(Mounter& mounter, const std::string& scratch, const std::string& tree, Nodes nodes) {
  mounter.folder(scratch + "/dev");
  mounter.bind("/dev", scratch + "/dev");
  mounter.tmpfs("/dev", "mode=0755");
  const std::string real = scratch + "/dev";
  for (const std::string& name : mounter.names_in(real)) {
    if (name == "ptmx" && access(below(real, "pts/ptmx").c_str(), F_OK) == 0) {
      // A pty multiplexer bound by itself does not find its devpts (script, tmux, ssh).
      mounter.link("/dev/ptmx", "pts/ptmx");
    } else if (!name.starts_with("nvidia")) {
      show_entry(mounter, below(real, name), below("/dev", name));
    }
  }
  if (nodes == Nodes::kCharacterDevices) {
    make_device_nodes(mounter, tree, "/dev");
    return;
  }
  const std::string ours = tree + "/dev";
  for (const std::string& name : mounter.names_in(ours)) {
    show_entry(mounter, below(ours, name), below("/dev", name));
  }
}

// Binds the file that names the machine to processes without environment variables.
void name_machine(Mounter& mounter, const std::string& scratch, const std::string& machine_dir) {
  mounter.file(scratch + "/machine", machine_dir + "\n", 0444);
  if (exists(kMachinePointer)) {  // an older migctl's tree of another user lacks the file
    mounter.bind(scratch + "/machine", kMachinePointer);
  }
}

}  // namespace

std::string shell_scratch(const std::string& machine_dir) {
  return machine_dir + "/shell";
}

Problem enter_machine(const std::string& machine_dir, const std::string& library, Nodes nodes) {
  for (const char* root : {"/proc/", "/sys/", "/dev/"}) {
    if (machine_dir.starts_with(root)) {
      return {Exit::kNotSupported,
              "the machine lies in " + machine_dir + ", under what its shell covers",
              "keep machines elsewhere: MIGSIM_ROOT=/tmp/machines"};
    }
  }
  if (nodes == Nodes::kCharacterDevices && geteuid() != 0) {
    return {Exit::kPermission, "only root can make device nodes", "leave --char-devices out"};
  }
  if (Problem problem = unshare_mounts(); !problem.ok()) {
    return problem;
  }
  const std::string tree = machine_dir + "/tree";
  const std::string scratch = shell_scratch(machine_dir);
  Mounter mounter;
  mounter.make_private();
  mounter.folder(scratch);
  mounter.tmpfs(scratch, "mode=0755");
  cover_library(mounter, library);
  cover_sys(mounter, scratch, tree);
  cover_dev(mounter, scratch, tree, nodes);
  cover_proc(mounter, scratch, tree);
  name_machine(mounter, scratch, machine_dir);
  return mounter.problem();
}

}  // namespace migsim
