// SPDX-License-Identifier: Apache-2.0
// Selection of the default machine of a process.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

#include "sim/machine/machine.h"

namespace migsim {
namespace {

std::string environment(const char* name) {
  const char* value = ::secure_getenv(name);
  return value != nullptr ? value : "";
}

// Folder of the machine of the surrounding `sim shell`; "" outside of one.
std::string machine_of_shell() {
  std::ifstream file(kMachinePointer);
  std::string dir;
  std::getline(file, dir);
  return dir;
}

std::string home() {
  std::string home = environment("HOME");
  if (home.empty()) {
    passwd entry{};
    passwd* found = nullptr;
    char buffer[1024];
    if (::getpwuid_r(::geteuid(), &entry, buffer, sizeof(buffer), &found) == 0 &&
        found != nullptr) {
      home = entry.pw_dir;
    }
  }
  return home;
}

std::vector<std::string> machines_under(const std::string& root) {
  std::vector<std::string> names;
  DIR* folder = ::opendir(root.c_str());
  if (folder == nullptr) {
    return names;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
  while (const dirent* entry = ::readdir(folder)) {
    std::string name = entry->d_name;

    struct stat status {};

    std::string file = root;
    file.append("/").append(name).append("/machine.state");
    if (name[0] != '.' && ::stat(file.c_str(), &status) == 0) {
      names.push_back(std::move(name));
    }
  }
  ::closedir(folder);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string Machine::default_root() {
  if (std::string root = environment("MIGSIM_ROOT"); !root.empty()) {
    return root;
  }
  if (const std::string dir = machine_of_shell(); !dir.empty()) {
    return dir.substr(0, dir.rfind('/'));
  }
  if (::geteuid() == 0) {
    return "/var/lib/migctl/sim";
  }
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) {
    return state + "/migctl/sim";
  }
  return home() + "/.local/state/migctl/sim";
}

std::string Machine::find(Status& status) {
  status = {};
  if (std::string dir = environment("MIGSIM_MACHINE"); !dir.empty()) {
    return dir;
  }
  if (std::string dir = machine_of_shell(); !dir.empty()) {
    return dir;
  }
  const std::string root = default_root();
  const std::vector<std::string> names = machines_under(root);
  if (names.size() == 1) {
    return root + "/" + names.front();
  }
  if (names.empty()) {
    status.error = "no simulated machine under " + root +
                   "; 'migctl sim create lab --gpus \"2x a100-sxm4-40gb\"' makes one";
    return "";
  }
  status.error = std::to_string(names.size()) + " simulated machines under " + root + ":";
  for (const std::string& name : names) {
    status.error.append(" ").append(name);
  }
  status.error += "; name one with --sim NAME or MIGSIM_MACHINE=" + root + "/NAME";
  return "";
}

}  // namespace migsim
