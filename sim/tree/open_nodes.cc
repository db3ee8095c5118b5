// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/open_nodes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <errno.h>
#include <signal.h>

#include "sim/tree/static_part.h"

namespace migsim {
namespace {

using Key = std::pair<dev_t, ino_t>;

struct Node {
  bool capability = false;
  std::uint32_t number = 0;  // GPU index, or minor of the capability
};

using Nodes = std::map<Key, Node>;
using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

std::optional<std::uint32_t> number_after(std::string_view name, std::string_view prefix) {
  std::uint32_t number = 0;
  if (!name.starts_with(prefix) || name.size() == prefix.size()) {
    return std::nullopt;
  }
  const auto [stop, error] =
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
  return error == std::errc() && stop == name.data() + name.size() ? std::optional(number)
                                                                   : std::nullopt;
}

std::optional<Key> key_of(const std::string& path) {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0 ? std::optional(Key(info.st_dev, info.st_ino))
                                          : std::nullopt;
}

template <class Each>
void for_each_name(const std::string& path, Each&& each) {
  const Folder folder(::opendir(path.c_str()), ::closedir);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    each(entry->d_name);
  }
}

Nodes nodes_of(Machine& machine) {
  Nodes nodes;
  const std::string dev = machine.dir() + "/tree/dev/";
  std::map<std::uint32_t, std::uint32_t> minors;  // device minor by GPU index
  {
    const Machine::View view(machine);
    for (std::uint32_t gpu = 0; gpu < machine.hardware().gpu_count; ++gpu) {
      minors[gpu] = view->gpus[gpu].minor;
    }
  }
  for (const auto& [gpu, minor] : minors) {
    if (const auto key = key_of(dev + "nvidia" + std::to_string(minor))) {
      nodes[*key] = {false, gpu};
    }
  }
  for_each_name(dev + "nvidia-caps", [&](const char* name) {
    const auto number = number_after(name, "nvidia-cap");
    const auto key = number ? key_of(dev + "nvidia-caps/" + name) : std::nullopt;
    if (key) {
      nodes[*key] = {true, *number};
    }
  });
  return nodes;
}

// A descriptor of O_PATH names a file and opens no device: the kernel's driver never hears of it.
// nullopt: not known.
std::optional<bool> names_only(const std::string& fds, const char* name) {
  std::ifstream info(fds.substr(0, fds.rfind('/')) + "/fdinfo/" + name);
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("flags:")) {
      constexpr int kOctal = 8;
      return (std::strtoul(line.c_str() + line.find(':') + 1, nullptr, kOctal) & O_PATH) != 0;
    }
  }
  return std::nullopt;
}

// The node that a descriptor has open. It may be closed, and its number given to another file,
// between two looks: they count when they agree.
std::optional<Node> open_node(const std::string& fds, const char* name, const Nodes& nodes) {
  constexpr int kLooks = 8;
  const std::string path = fds + "/" + name;
  auto key = key_of(path);
  for (int look = 0; look < kLooks && key && nodes.contains(*key); ++look) {
    const auto only = names_only(fds, name);
    const auto now = key_of(path);
    if (now == key && only) {
      return *only ? std::nullopt : std::optional(nodes.at(*key));
    }
    key = now;
  }
  return key && nodes.contains(*key) ? std::optional(nodes.at(*key)) : std::nullopt;
}

void look_at(const std::string& fds, const Nodes& nodes, OpenNodes& open) {
  for_each_name(fds, [&](const char* name) {
    char link[512];
    const std::string path = fds + "/" + name;
    const ssize_t size = ::readlink(path.c_str(), link, sizeof(link));
    // Filters by path first: a stat of every open file would dominate the cost.
    if (size <= 0 || std::string_view(link, static_cast<std::size_t>(size)).find("/nvidia") ==
                         std::string_view::npos) {
      return;
    }
    const auto node = open_node(fds, name, nodes);
    if (!node) {
      return;
    }
    if (node->capability) {
      open.capabilities.insert(node->number);
    } else {
      open.gpus |= 1U << node->number;
    }
  });
}

// /proc; but in `sim shell` on a kernel without loadable modules /proc is a folder of links into
// the real one (shell_mounts.cc), which the absolute link /proc/self leads to.
std::string proc_root() {
  std::string standard = "/proc";
  if (::access((standard + "/" + std::to_string(::getpid())).c_str(), F_OK) == 0) {
    return standard;
  }
  char target[512];
  const ssize_t size = ::readlink("/proc/self", target, sizeof(target));
  const std::string_view link(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kSelf = "/self";
  if (link.starts_with('/') && link.ends_with(kSelf)) {
    return std::string(link.substr(0, link.size() - kSelf.size()));
  }
  return standard;
}

}  // namespace

bool OpenNodes::gpu_instance(std::uint32_t gpu_minor, std::uint32_t gi) const {
  const std::uint32_t first = gi_cap_minor(gpu_minor, gi);
  const auto found = capabilities.lower_bound(first);
  return found != capabilities.end() && *found <= first + kCisPerGi;
}

bool OpenNodes::compute_instance(std::uint32_t gpu_minor,
                                 std::uint32_t gi,
                                 std::uint32_t ci) const {
  return capabilities.contains(gi_cap_minor(gpu_minor, gi)) ||
         capabilities.contains(ci_cap_minor(gpu_minor, gi, ci));
}

OpenNodes open_nodes(Machine& machine, const std::string& proc) {
  OpenNodes open;
  const Nodes nodes = nodes_of(machine);
  if (nodes.empty()) {
    return open;
  }
  const auto own = static_cast<std::uint32_t>(::getpid());
  for_each_name(proc, [&](const char* name) {
    const auto pid = number_after(name, "");
    if (pid && *pid != own) {
      look_at(proc + "/" + name + "/fd", nodes, open);
    }
  });
  return open;
}

OpenNodes open_nodes(Machine& machine) {
  return open_nodes(machine, proc_root());
}

bool surely_closed(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return errno == ENOENT;
  }
  // Lease break: a process that opens the file meanwhile blocks until this process gives the lease
  // up, and the kernel signals this process: with SIGURG, which is ignored by default.
  const bool closed = ::fcntl(fd, F_SETSIG, SIGURG) == 0 && ::fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
  if (closed) {
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
  }
  ::close(fd);
  return closed;
}

OpenNodes open_nodes_of(Machine& machine, std::uint32_t gpu, std::uint32_t gi) {
  std::uint32_t minor = 0;
  {
    const Machine::View view(machine);
    minor = view->gpus[gpu].minor;
  }
  const std::string node = machine.dir() + "/tree/dev/nvidia-caps/nvidia-cap";
  const std::uint32_t first = gi_cap_minor(minor, gi);
  for (std::uint32_t number = first; number <= first + kCisPerGi; ++number) {
    if (!surely_closed(node + std::to_string(number))) {
      return open_nodes(machine);
    }
  }
  return {};
}

}  // namespace migsim
