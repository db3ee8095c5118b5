// SPDX-License-Identifier: Apache-2.0
#include "cli/way_flags.h"

#include "cli/units.h"
#include "service/change.h"

namespace mig::cli {

void WayFlags::declare(Options& options) {
  options.text({"--wait",
                "TIME",
                "wait so long for those who stand in the way: 45s, 10m (exit code 13 when in "
                "vain; default: 0s)"},
               wait_);
  options.optional_text({"--evict",
                         "GRACE",
                         "stop the processes in the way: SIGTERM, SIGKILL after the grace "
                         "(30s); without it nobody is ever signalled"},
                        evict_,
                        "30s");
  options.text({"--evict-hook", "PROGRAM", "run first for each of them, before SIGTERM"}, hook_);
}

Result<void> WayFlags::read(service::ChangeOptions& options) const {
  if (!wait_.empty()) {
    MIG_ASSIGN_OR_RETURN(options.wait, parse_duration("--wait", wait_));
  }
  if (!evict_.empty()) {
    MIG_ASSIGN_OR_RETURN(options.evict, parse_duration("--evict", evict_));
  }
  if (!hook_.empty() && evict_.empty()) {
    return fail(ErrorCode::kUsage, "--evict-hook needs --evict", "add --evict, or --evict=60s");
  }
  options.evict_hook = hook_;
  return {};
}

}  // namespace mig::cli
