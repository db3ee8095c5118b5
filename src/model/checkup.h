// SPDX-License-Identifier: Apache-2.0
// Result of `migctl doctor`: each check of a machine with its verdict, evidence, cause and the
// commands that mend it. doctor/ makes it, wire/ encodes it. Plain values.
#ifndef MIGCTL_MODEL_CHECKUP_H_
#define MIGCTL_MODEL_CHECKUP_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mig {

enum class Verdict {
  kOk,
  kNote,     // worth knowing; nothing is wrong
  kWarning,  // works now, and will not under some condition that `cause` names
  kProblem,  // something does not work
  kNotHere,  // not checked: the machine has no such part, or it could not be read; `found` says why
};

std::string_view name_of(Verdict verdict);  // "not_here"

struct CheckResult {
  std::string id;     // "mig-pending"
  std::string title;  // "No MIG mode waits for a reset"
  Verdict verdict = Verdict::kNotHere;
  std::string found;                  // one line: what was found
  std::vector<std::string> evidence;  // what was read where, a line each
  std::string cause;                  // what is behind it; "" = nothing is wrong
  std::vector<std::string> mend;      // commands, or what to do, in order
  std::chrono::milliseconds took{0};
};

struct CheckupCounts {
  std::uint32_t ok = 0, note = 0, warning = 0, problem = 0, not_here = 0;
};

struct Checkup {
  bool privileged = false;  // run as root: all that can be looked at was
  std::vector<CheckResult> results;

  CheckupCounts counts() const;
  // True when a check says warning or problem.
  bool trouble() const;
};

// Line of `migctl doctor --list`.
struct CheckName {
  std::string id, title;
  bool needs_driver = false;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_CHECKUP_H_
