// SPDX-License-Identifier: Apache-2.0
// Paths of a machine's locks, equal for all processes that use the machine.
#ifndef MIGCTL_APPLY_RUNTIME_H_
#define MIGCTL_APPLY_RUNTIME_H_

#include <string>

#include "mig/result.h"

#include "base/clock.h"
#include "base/file_lock.h"
#include "nvml/session.h"
#include "store/places.h"

namespace mig::apply {

// All paths of the session's machine for the calling process (store/places.h).
store::Places places_of(const nvml::Session& session);

// Takes the writer lock (one writer per machine). kConflict names the pid of its holder, its
// activity and since when; the kernel releases the lock when that process dies. `doing`: our
// activity, as shown to others.
Result<base::FileLock> lock_writer(const std::string& path,
                                   base::Clock& clock,
                                   const std::string& doing);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RUNTIME_H_
