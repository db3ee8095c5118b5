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
  // Reads the table of capability minors and the nodes in /dev.
  explicit Nodes(const Roots& roots);

  // Identifies an open file. `link`: target of /proc/<pid>/fd/N, a path in the process's own mount
  // namespace; `descriptor`: path of the link itself, for stat() when the name does not suffice.
  // nullopt: no node of this machine's GPUs.
  std::optional<Node> find(const std::string& link, const std::string& descriptor) const;

 private:
  // Identity of a node: a character device by its numbers, whatever its path; a regular file
  // (simulated machine) by its inode.
  using Key = std::tuple<bool, dev_t, ino_t>;
  static std::optional<Key> key_of(const std::string& path);

  std::optional<Target> target_of(std::string_view name) const;  // "nvidia-caps/nvidia-cap30"
  void learn(const std::string& folder, const std::string& prefix);

  std::string dev_;
  std::vector<std::pair<std::uint32_t, Target>> capabilities_;  // sorted by minor
  std::map<Key, Node> nodes_;
};

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_NODES_H_
