// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: the table of checks. A check reads through a Patient and never changes
// anything; it runs in a process of its own with a time limit (examine.h), so it may call a driver
// that hangs.
#ifndef MIGCTL_DOCTOR_CHECK_H_
#define MIGCTL_DOCTOR_CHECK_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "doctor/patient.h"
#include "model/checkup.h"

namespace mig::doctor {

// Part of a CheckResult that a check gives (model/checkup.h).
struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::vector<std::string> evidence;
  std::string cause;
  std::vector<std::string> mend;

  // Raises the verdict; kNote < kWarning < kProblem.
  void raise(Verdict to);
  // Adds a remedy once.
  void add_mend(std::string command);
};

Finding not_here(std::string why);
// A reading that failed: not here, with the error and its hint; for a lost right, what to run.
Finding not_read(const Error& error);

struct Check {
  std::string_view id, title;
  bool needs_driver = false;
  Finding (*look)(Patient& patient) = nullptr;
};

// In the order in which they run and are printed; `driver` is first.
const std::vector<Check>& check_table();

// driver_checks.cc
Finding check_driver(Patient& patient);
Finding check_driver_version(Patient& patient);
Finding check_modules(Patient& patient);
Finding check_nouveau(Patient& patient);
Finding check_module_options(Patient& patient);
// gpu_checks.cc
bool gpu_on_bus(const Roots& roots);  // an NVIDIA GPU, whatever its driver
Finding check_lost(Patient& patient);
Finding check_pci(Patient& patient);
Finding check_mig_support(Patient& patient);
Finding check_display(Patient& patient);
Finding check_persistence(Patient& patient);
Finding check_fabric(Patient& patient);
// memory_checks.cc
Finding check_ecc(Patient& patient);
Finding check_remap(Patient& patient);
Finding check_recovery(Patient& patient);
// mode_checks.cc
Finding check_mode(Patient& patient);
Finding check_pending(Patient& patient);
Finding check_holders(Patient& patient);
// instance_checks.cc
Finding check_empty_instances(Patient& patient);
Finding check_room(Patient& patient);
Finding check_drift(Patient& patient);
Finding check_unleased(Patient& patient);
// node_checks.cc
Finding check_devices(Patient& patient);
Finding check_capabilities(Patient& patient);
// cdi_checks.cc
Finding check_cdi_files(Patient& patient);
Finding check_cdi_devices(Patient& patient);
Finding check_cdi_driver(Patient& patient);
// container_checks.cc
Finding check_toolkit(Patient& patient);
Finding check_cgroup(Patient& patient);
// xid_check.cc
Finding check_xid(Patient& patient);
// own_checks.cc
Finding check_permissions(Patient& patient);
Finding check_state_folder(Patient& patient);
Finding check_space(Patient& patient);
Finding check_interrupted(Patient& patient);
Finding check_daemon(Patient& patient);

// As MIG_ASSIGN_OR_RETURN, in a function that returns a Finding.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define MIG_ASSIGN_OR_RETURN_FINDING(decl, expr) \
  MIG_ASSIGN_OR_RETURN_FINDING_(decl, expr, MIG_CONCAT(mig_finding_, __LINE__))
#define MIG_ASSIGN_OR_RETURN_FINDING_(decl, expr, tmp) \
  auto tmp = (expr);                                   \
  if (!tmp)                                            \
    return not_read(tmp.error());                      \
  decl = *std::move(tmp)
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_CHECK_H_
