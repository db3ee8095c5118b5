// SPDX-License-Identifier: Apache-2.0
// Liveness of the process behind an open change in the journal: running, or left by a crash. Tested
// without taking the lock, so a reader never blocks a writer.
#ifndef MIGCTL_APPLY_LIVENESS_H_
#define MIGCTL_APPLY_LIVENESS_H_

#include <string>

#include "mig/result.h"

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "store/journal.h"

namespace mig::apply {

// Path of the journal's writer lock: beside the journal, so that all users of the journal share the
// lock, containers included.
std::string writer_lock_of(const std::string& path);

// Takes the writer lock; kConflict names its holder. `doing`: our activity, as shown to others.
Result<base::FileLock> lock_journal(const std::string& path, const std::string& doing);

// True while the change's process runs: tested by the lock or, where the lock is not accessible, by
// pid, start time and boot id together. A pid alone proves nothing.
bool being_carried_out(const store::ChangeRow& change,
                       const std::string& journal_path,
                       const std::string& proc = base::proc_root());

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LIVENESS_H_
