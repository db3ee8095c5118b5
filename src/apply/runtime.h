// SPDX-License-Identifier: Apache-2.0
// Where the locks of a machine lie, so that all processes that use it meet.
#ifndef MIGCTL_APPLY_RUNTIME_H_
#define MIGCTL_APPLY_RUNTIME_H_

#include <string>

#include "mig/result.h"

#include "base/clock.h"
#include "base/file_lock.h"
#include "nvml/session.h"

namespace mig::apply {

// A folder that is made when missing: <machine>/run for a simulated machine that we may write to;
// /run/migctl for root; else $XDG_RUNTIME_DIR/migctl, else /tmp/migctl-<uid> (0700, ours).
Result<std::string> runtime_dir(const nvml::Session& session);

// The journal of the machine: below $MIGCTL_STATE_DIR if that is set; else in the folder of a
// simulated machine; else /var/lib/migctl for root and $XDG_STATE_HOME/migctl for others.
std::string journal_path(const nvml::Session& session);

// The leases of the machine, beside its journal.
std::string lease_store_path(const nvml::Session& session);

// The jobs of the calling user: beside the journal where that is ours to write, else below
// $XDG_STATE_HOME (~/.local/state), a folder a simulated machine.
std::string jobs_dir(const nvml::Session& session);

// One writer per machine. kConflict names the pid that holds it, what it does and since when; the
// kernel frees it when that process dies. `doing`: what the next one is told about us.
Result<base::FileLock> lock_writer(const std::string& path,
                                   base::Clock& clock,
                                   const std::string& doing);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RUNTIME_H_
