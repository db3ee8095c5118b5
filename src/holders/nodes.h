// SPDX-License-Identifier: Apache-2.0
// Inside of holders/: the GPU or instance of a device node, and the node behind an open descriptor,
// also of a process in a container, whose /dev has nodes of its own.
#ifndef MIGCTL_HOLDERS_NODES_H_
#define MIGCTL_HOLDERS_NODES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "mig/ids.h"

#include "holders/holders.h"

namespace mig::holders {

// The object that a device node gives access to.
struct Target {
  std::uint32_t minor = 0;  // GPU minor number
  std::optional<GpuInstanceId> gi;
  std::optional<ComputeInstanceId> ci;
};

struct Node {
  std::string path;  // path below Roots::dev
  Target target;
};

class Nodes {
 public:
  // Reads the nodes in /dev, and of the table of capability minors what these nodes need.
  explicit Nodes(const Roots& roots);

  // Identifies the open file behind `name`, a link in the open folder /proc/<pid>/fd, by what it
  // is and not by what it is called: in a mount namespace of its own a user can bind a node to any
  // name, and where that namespace is gone, the link says "/". nullopt: no node of this machine's
  // GPUs, or one that cannot be looked at.
  std::optional<Node> find_open(int folder, const char* name) const;

  // The same, and where stat fails by `link`, the target of the link.
  std::optional<Node> find(int folder, const char* name, std::string_view link) const;

 private:
  // Identity of a node: a character device by its numbers, whatever its path; a regular file
  // (simulated machine) by its inode.
  using Key = std::tuple<bool, dev_t, ino_t>;
  static std::optional<Key> key_of(const std::string& path);
  static std::optional<Key> key_of_open(int folder, const char* name);
  std::optional<Node> known(const Key& key) const;
  // The same, unless the descriptor names the node without having it open (O_PATH).
  std::optional<Node> known_open(Key key, int folder, const char* name) const;
  static std::optional<bool> names_only(int folder, const char* name);

  std::optional<Target> target_of(std::string_view name) const;  // "nvidia-caps/nvidia-cap30"
  void learn(const std::string& folder, const std::string& prefix);

  std::string dev_, driver_proc_;
  std::vector<std::pair<std::uint32_t, Target>> capabilities_;  // sorted by minor
  std::map<Key, Node> nodes_;
};

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_NODES_H_
