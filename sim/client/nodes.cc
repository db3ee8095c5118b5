// SPDX-License-Identifier: Apache-2.0
#include "sim/client/nodes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <vector>

#include <time.h>

namespace migsim {

namespace {

// Waits: `create` in another process commits an instance before it makes the device nodes.
constexpr int kLooks = 20;
constexpr timespec kBetweenLooks{0, 25'000'000};

bool same_file(const std::string& a, const std::string& b) {
  struct stat first {};

  struct stat second {};

  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// Device node of a capability's access file ("DeviceFileMinor: 30"); "" when the file is missing.
std::string capability_node(const std::string& access, const std::string& dev) {
  std::ifstream file(access);
  const std::string key = "DeviceFileMinor: ";
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) == 0) {
      return dev + "/nvidia-caps/nvidia-cap" + line.substr(key.size());
    }
  }
  return "";
}

int open_error(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  close(fd);
  return 0;
}

// Folder of the machine's device nodes as this process sees them.
std::string dev_of(const std::string& tree) {
  return same_file("/dev/nvidiactl", tree + "/dev/nvidiactl") ? "/dev" : tree + "/dev";
}

bool has_nodes(const std::string& tree) {
  return access((tree + "/dev/nvidiactl").c_str(), F_OK) == 0;
}

// Capability nodes of the instance; empty when its files do not exist yet.
std::vector<std::string> nodes_of(const std::string& tree,
                                  const std::string& dev,
                                  const Instance& at,
                                  std::uint32_t minor) {
  std::vector<std::string> nodes = {dev + "/nvidia" + std::to_string(minor)};
  if (at.gi == kNone) {
    return nodes;
  }
  const std::string gi = tree + "/proc/driver/nvidia/capabilities/gpu" + std::to_string(minor) +
                         "/mig/gi" + std::to_string(at.gi);
  nodes.push_back(capability_node(gi + "/access", dev));
  if (at.ci != kNone) {
    nodes.push_back(capability_node(gi + "/ci" + std::to_string(at.ci) + "/access", dev));
  }
  for (const std::string& node : nodes) {
    if (node.empty()) {
      return {};
    }
  }
  return nodes;
}

}  // namespace

std::string refused_node(const Machine& machine, const Instance& at, std::uint32_t minor) {
  const std::string tree = machine.dir() + "/tree";
  if (!has_nodes(tree)) {
    return "";
  }
  const std::string dev = dev_of(tree);
  std::string why = "the instance's capabilities are not there";
  for (int look = 0; look < kLooks; ++look) {
    if (look > 0) {
      nanosleep(&kBetweenLooks, nullptr);
    }
    int error = ENOENT;
    for (const std::string& node : nodes_of(tree, dev, at, minor)) {
      error = open_error(node);
      if (error != 0) {
        why = "this process cannot open " + node + ": " +
              std::error_code(error, std::generic_category()).message();
        break;
      }
    }
    if (error == 0) {
      return "";
    }
    if (error != ENOENT) {
      break;  // waiting does not change permissions
    }
  }
  return why;
}

bool can_open(const Machine& machine, const Instance& at, std::uint32_t minor) {
  const std::string tree = machine.dir() + "/tree";
  if (!has_nodes(tree)) {
    return true;
  }
  const std::vector<std::string> nodes = nodes_of(tree, dev_of(tree), at, minor);
  return !nodes.empty() && std::all_of(nodes.begin(), nodes.end(), [](const std::string& node) {
    return open_error(node) == 0;
  });
}

}  // namespace migsim
