// SPDX-License-Identifier: Apache-2.0
// Result of a simulator command: success, or an error. Numbers and names are those of
// docs/reference/errors.md (sim/ includes nothing of the manager, so they are repeated here; the
// command-line tests compare both).
#ifndef MIGCTL_SIM_TOOLS_PROBLEM_H_
#define MIGCTL_SIM_TOOLS_PROBLEM_H_

#include <string>

namespace migsim {

enum class Exit : int {
  kDone = 0,
  kUsage = 1,
  kInvalidInput = 2,
  kTooLarge = 3,
  kNotFound = 5,
  kNotSupported = 6,
  kPermission = 7,
  kInUse = 8,
  kConflict = 11,
  kNoDriver = 15,
  kDriver = 16,
  kIo = 17,
  kInternal = 20,
};

// Name of an exit code: "in_use".
const char* exit_name(Exit code);

struct [[nodiscard]] Problem {
  Exit code = Exit::kDone;
  std::string message;
  std::string hint;  // remedy; "" = none

  bool ok() const { return code == Exit::kDone; }
};

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_PROBLEM_H_
