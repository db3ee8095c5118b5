// SPDX-License-Identifier: Apache-2.0
// Inside of holders/: which GPU or instance a device node stands for, and which node an open
// descriptor leads to - also from inside a container, whose /dev has nodes of its own.
#ifndef MIGCTL_HOLDERS_NODES_H_
#define MIGCTL_HOLDERS_NODES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "mig/ids.h"

#include "holders/holders.h"

namespace mig::holders {

// Where a device node leads.
struct Target {
  std::uint32_t minor = 0;  // GPU minor number
  std::optional<GpuInstanceId> gi;
  std::optional<ComputeInstanceId> ci;
};

struct Node {
  std::string path;  // below Roots::dev
  Target target;
};

class Nodes {
 public:
  // Reads the table of capability minors and what nodes there are.
  explicit Nodes(const Roots& roots);

  // `link`: where /proc/<pid>/fd/N points to, in the words of the process's own mount namespace;
  // `descriptor`: that file, to be looked at when the words do not suffice. nullopt: no node of
  // this machine's GPUs.
  std::optional<Node> find(const std::string& link, const std::string& descriptor) const;

 private:
  // A character device is the same whatever it is called and wherever its node lies; a plain file
  // (simulated machine) is itself.
  using Key = std::tuple<bool, dev_t, ino_t>;
  static std::optional<Key> key_of(const std::string& path);

  std::optional<Target> target_of(std::string_view name) const;  // "nvidia-caps/nvidia-cap30"
  void learn(const std::string& folder, const std::string& prefix);

  std::string dev_;
  std::map<std::uint32_t, Target> capabilities_;  // by minor
  std::map<Key, Node> nodes_;
};

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_NODES_H_
