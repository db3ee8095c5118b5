// SPDX-License-Identifier: Apache-2.0
// Whether somebody is at work on a change that the journal has open, or a crash left it so. Asked
// without taking a lock: who looks never gets in a writer's way.
#ifndef MIGCTL_APPLY_LIVENESS_H_
#define MIGCTL_APPLY_LIVENESS_H_

#include <string>

#include "mig/result.h"

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "store/journal.h"

namespace mig::apply {

// The lock of who writes the journal at `path`: beside it, so that all who share the journal share
// the lock, containers included.
std::string writer_lock_of(const std::string& path);

// kConflict names who has it. `doing`: what others are told about us.
Result<base::FileLock> lock_journal(const std::string& path, const std::string& doing);

// That lock tells; where it cannot be looked at, the process as the change names it: pid, start and
// boot together. A pid alone proves nothing.
bool being_carried_out(const store::ChangeRow& change,
                       const std::string& journal_path,
                       const std::string& proc = base::proc_root());

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LIVENESS_H_
