// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/shell_nodes.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <fstream>
#include <map>
#include <optional>

namespace migsim {

namespace {

using Majors = std::map<std::string, unsigned>;  // device major by driver: "nvidia-caps" -> 241

Majors read_majors(const std::string& tree) {
  Majors majors;
  std::ifstream devices(tree + "/proc/devices");
  std::string line;
  std::getline(devices, line);  // header "Character devices:"
  unsigned number = 0;
  for (std::string name; devices >> number >> name;) {
    majors[name] = number;
  }
  return majors;
}

std::optional<unsigned> number_after(const std::string& name, const std::string& prefix) {
  unsigned number = 0;
  const char* const end = name.data() + name.size();
  if (!name.starts_with(prefix) || name.size() == prefix.size()) {
    return std::nullopt;
  }
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

// Device number that nvidia-modprobe gives a node of this name.
std::optional<dev_t> number_of(const std::string& name, const Majors& majors) {
  const auto device = [&](const char* driver, unsigned minor) -> std::optional<dev_t> {
    const auto major = majors.find(driver);
    return major == majors.end() ? std::nullopt : std::optional(makedev(major->second, minor));
  };
  if (name == "nvidiactl") {
    return device("nvidiactl", 255);
  }
  if (name == "nvidia-uvm") {
    return device("nvidia-uvm", 0);
  }
  if (name == "nvidia-uvm-tools") {
    return device("nvidia-uvm", 1);
  }
  if (const auto cap = number_after(name, "nvidia-cap")) {
    return device("nvidia-caps", *cap);
  }
  const auto gpu = number_after(name, "nvidia");
  return gpu ? device("nvidia", *gpu) : std::nullopt;
}

void make_folder(Mounter& mounter,
                 const std::string& from,
                 const std::string& to,
                 const Majors& majors) {
  for (const std::string& name : mounter.names_in(from)) {
    struct stat info {};

    const std::string source = below(from, name);
    const std::string target = below(to, name);
    if (lstat(source.c_str(), &info) != 0) {
      continue;  // removed since it was listed
    }
    if (S_ISDIR(info.st_mode)) {
      mounter.folder(target);
      make_folder(mounter, source, target, majors);
    } else if (const auto number = number_of(name, majors)) {
      mounter.node(target, *number, info.st_mode & 07777);
    }
  }
}

}  // namespace

void make_device_nodes(Mounter& mounter, const std::string& tree, const std::string& to) {
  make_folder(mounter, tree + "/dev", to, read_majors(tree));
}

}  // namespace migsim
