// SPDX-License-Identifier: Apache-2.0
// The node as slurmctld sees it, asked and told by scontrol, squeue and slurmd.
//
//   Controller controller(settings);
//   MIG_ASSIGN_OR_RETURN(const NodeState now, controller.state());
//   MIG_TRY(controller.drain("migctl: layout change"));
//
// Threading: not thread-safe. Errors: kIo when slurmctld or munge does not answer, kNotFound for a
// node that Slurm does not know and for programs that are not there, kTimeout.
#ifndef MIGCTL_SLURM_CONTROLLER_H_
#define MIGCTL_SLURM_CONTROLLER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "slurm/settings.h"

namespace mig::slurm {

struct NodeState {
  std::string state;  // "IDLE+DRAIN"
  std::string gres, reason;
  std::string slurmd_start;  // "2026-11-29T02:52:53"; "" = it has not registered

  bool has(std::string_view flag) const;  // "DRAIN"

  // No job is on it, and none ends.
  bool idle() const;

  // Registered and accepted: neither INVAL nor without an answer.
  bool fits() const;
};

// The answer of `scontrol --oneliner show node`.
Result<NodeState> parse_node_state(std::string_view text, const std::string& node);

struct QueuedJob {
  std::string id, user, state, left, gres;  // id: as users say it, "12_3" of an array
  std::string number;                       // SLURM_JOB_ID
};

// The answer of squeue with our format.
std::vector<QueuedJob> parse_jobs(std::string_view text);

// "gpu:3g.71gb" of "gres:gpu:3g.71gb:2"; "" = no type is asked for.
std::vector<std::string> types_asked(std::string_view gres);

// A line of `slurmd -G`.
struct SlurmdDevice {
  std::string type;
  std::uint32_t count = 0;
  std::vector<std::string> files;
};

std::vector<SlurmdDevice> parse_slurmd(std::string_view text);

class Controller {
 public:
  explicit Controller(const Settings& settings) : settings_(settings) {}

  Result<NodeState> state() const;
  Result<void> drain(const std::string& reason) const;
  Result<void> resume() const;
  Result<void> restart_slurmctld() const;
  Result<void> restart_slurmd() const;
  // On the node; and those that wait in its queue.
  Result<std::vector<QueuedJob>> running() const;
  Result<std::vector<QueuedJob>> pending() const;
  // What slurmd makes of its files; no daemon is asked.
  Result<std::vector<SlurmdDevice>> slurmd_devices() const;

 private:
  Result<std::string> ask(const std::string& doing, const std::vector<std::string>& argv) const;
  Result<void> restart(const std::string& what, const std::vector<std::string>& argv) const;

  const Settings& settings_;
};

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_CONTROLLER_H_
