// SPDX-License-Identifier: Apache-2.0
// Where the locks of a machine lie, so that all processes that use it meet.
#ifndef MIGCTL_APPLY_RUNTIME_H_
#define MIGCTL_APPLY_RUNTIME_H_

#include <string>

#include "mig/result.h"

#include "base/clock.h"
#include "base/file_lock.h"
#include "nvml/session.h"
#include "store/places.h"

namespace mig::apply {

// Where everything of the session's machine lies for the calling process (store/places.h); the four
// below are its answers.
store::Places places_of(const nvml::Session& session);
Result<std::string> runtime_dir(const nvml::Session& session);
std::string journal_path(const nvml::Session& session);
std::string lease_store_path(const nvml::Session& session);
std::string jobs_dir(const nvml::Session& session);

// One writer per machine. kConflict names the pid that holds it, what it does and since when; the
// kernel frees it when that process dies. `doing`: what the next one is told about us.
Result<base::FileLock> lock_writer(const std::string& path,
                                   base::Clock& clock,
                                   const std::string& doing);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RUNTIME_H_
