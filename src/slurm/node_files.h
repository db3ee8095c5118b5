// SPDX-License-Identifier: Apache-2.0
// Inside of slurm/: the two files that say what GPUs a node has, read and written together.
#ifndef MIGCTL_SLURM_NODE_FILES_H_
#define MIGCTL_SLURM_NODE_FILES_H_

#include <string>

#include "mig/result.h"

#include "model/slurm_values.h"
#include "slurm/settings.h"

namespace mig::slurm {

struct NodeFiles {
  std::string conf_path;  // slurm.conf, or the file that it includes with the node's line
  std::string gres_path;
  std::string conf, gres;
  bool gres_there = false;

  friend bool operator==(const NodeFiles&, const NodeFiles&) = default;
};

// kNotFound for a missing slurm.conf or node; kConflict for a line of several nodes.
Result<NodeFiles> read_node_files(const Settings& settings);

// The same files with what the machine has. kConflict when gres.conf has further lines about the
// node's GPUs: Slurm would add them.
Result<NodeFiles> fitted(const NodeFiles& now, const Files& machine);

// Writes what differs, each atomically, gres.conf first.
Result<void> write_node_files(const NodeFiles& now, const NodeFiles& next);

// kPermission before anything is changed, when they cannot be written.
Result<void> writable(const NodeFiles& files);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_NODE_FILES_H_
