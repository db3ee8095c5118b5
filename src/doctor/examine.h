// SPDX-License-Identifier: Apache-2.0
// Examines a machine: driver, GPUs, instances, device nodes, containers, and migctl's own records.
// Reads only. Each check has a time limit: it runs in a child process, which a driver that hangs
// keeps and this process leaves; a check that does not end, or that ends its process (a defect of
// the driver's library), is a finding, and the checks after it run in a new child.
//
//   const doctor::Settings settings = doctor::settings_for(choice);
//   MIG_ASSIGN_OR_RETURN(const doctor::Examined examined, doctor::examine(settings));
//
// Threading: forks, so the calling process must have one thread. Errors: kNotFound for a check
// that does not exist; kIo when no child can be made. A fault of the machine is a finding, never an
// Error.
#ifndef MIGCTL_DOCTOR_EXAMINE_H_
#define MIGCTL_DOCTOR_EXAMINE_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/checkup.h"
#include "node/node.h"
#include "store/places.h"

namespace mig::doctor {

// What is seen of a daemon, by whoever can speak to it (client/).
struct DaemonLook {
  std::string socket;
  bool listens = false;
  bool answers = false;
  bool other_version = false;
  std::string told;  // its answer, or why there is none
};

struct Settings {
  node::DriverChoice choice;
  store::MachineId machine;                 // as far as known without a driver
  std::vector<std::string> only;            // ids of checks; empty = all
  std::chrono::milliseconds limit{20'000};  // of each check
  std::function<DaemonLook(std::chrono::milliseconds limit)> look_at_daemon;
};

// Settings for the machine that `choice` means. A simulated machine is taken only when it is named,
// or where no trace of a GPU is on this host: a real driver that does not start is the finding
// then, and not replaced by a machine that is well.
Settings settings_for(const node::DriverChoice& choice);

struct Examined {
  store::MachineId machine;
  Checkup checkup;
};

Result<Examined> examine(const Settings& settings);

// All checks, in the order of their results.
std::vector<CheckName> check_names();

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_EXAMINE_H_
