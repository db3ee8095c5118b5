// SPDX-License-Identifier: Apache-2.0
// Where a node's Slurm is: its files, its name there, how its daemons are restarted. From
// /etc/migctl/slurm.yaml and the command line, with Slurm's own usual places.
//
// Threading: reads the environment and files once. Errors: those of the file; kPermission for a
// file that others than root can change, since programs that it names run as root.
#ifndef MIGCTL_SLURM_SETTINGS_H_
#define MIGCTL_SLURM_SETTINGS_H_

#include <chrono>
#include <string>
#include <vector>

#include "mig/result.h"

#include "node/node.h"
#include "slurm/gres.h"

namespace mig::slurm {

struct Settings {
  std::string node;
  std::string slurm_conf, gres_conf, cgroup_conf;
  std::string dev;       // "" = the machine's
  std::string hpc_jobs;  // "" = none are written
  // Layout file whose configs jobs may ask for (slurm/job_layout.h); "" = they may not.
  std::string job_layouts;
  std::string job_state;  // folder of what tasks are told of them, on the node
  bool nvml_types = false, autodetect = false;
  std::string lease;  // "try", "require", "off"
  std::chrono::milliseconds lease_time{std::chrono::hours(30 * 24)};
  std::chrono::milliseconds drain{std::chrono::minutes(30)};
  std::chrono::milliseconds settle{std::chrono::minutes(2)};
  std::vector<std::string> restart_slurmctld{"systemctl", "restart", "slurmctld"};
  std::vector<std::string> restart_slurmd{"systemctl", "restart", "slurmd"};
};

// What the command line says goes before; "" = nothing.
struct Said {
  std::string config, node, slurm_conf, gres_conf, dev;
};

Result<Settings> read_settings(const Said& said);

// How the node's devices are named; the version is asked of slurmd where it is there.
Naming naming_of(const Settings& settings, const node::Node& node);

// What the machine has now.
Result<Files> files_of_machine(const Settings& settings, node::Node& node, const Inventory& now);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_SETTINGS_H_
