// SPDX-License-Identifier: Apache-2.0
// Inside of slurm/: the journal of a change of a Slurm node, one file beside the journal of
// layouts, written before each step. What it says is enough to go on from any of them.
#ifndef MIGCTL_SLURM_RECORD_H_
#define MIGCTL_SLURM_RECORD_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "slurm/node_files.h"

namespace mig::slurm {

enum class Step { kDrain, kLayout, kFiles, kRestart, kResume };

struct Record {
  Step step = Step::kDrain;
  std::string node;
  bool drained_before = false;  // by somebody else: it stays so
  // The node and its files fitted each other: there is something to go back to.
  bool healthy_before = true;
  std::string gres_before;     // of the node's line
  std::string machine_before;  // our part of gres.conf for the layout before
  NodeFiles files;             // before
};

// Path of the record for a journal of layouts.
std::string record_path(const std::string& journal);

Result<void> write_record(const std::string& path, const Record& record);
// nullopt = none: every change has ended.
Result<std::optional<Record>> read_record(const std::string& path);
Result<void> remove_record(const std::string& path);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_RECORD_H_
