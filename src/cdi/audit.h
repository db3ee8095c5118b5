// SPDX-License-Identifier: Apache-2.0
// Holds the CDI file that is kept against the machine: is it what would be written now, can engines
// read it, do its nodes and libraries exist, does another file name its devices.
//
// Threading: functions of the file system.
#ifndef MIGCTL_CDI_AUDIT_H_
#define MIGCTL_CDI_AUDIT_H_

#include <optional>
#include <string>
#include <vector>

#include "cdi/driver_files.h"
#include "cdi/keeper.h"
#include "cdi/registration.h"
#include "model/checkup.h"

namespace mig::cdi {

struct AuditOf {
  const Registration& registration;
  const Made& wanted;  // for the machine as it is
  const Roots& roots;
  std::string program;       // "migctl", or "migctl --sim lab": for the commands that mend
  bool interrupted = false;  // a change was cut short and waits for `recover`
};

std::vector<CheckResult> audit(const AuditOf& of);

// Where no file is kept.
CheckResult nothing_kept(const std::string& program);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_AUDIT_H_
