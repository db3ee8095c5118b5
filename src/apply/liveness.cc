// SPDX-License-Identifier: Apache-2.0
#include "apply/liveness.h"

#include <chrono>

#include "base/clock.h"
#include "base/process_start.h"

namespace mig::apply {

std::string writer_lock_of(const std::string& path) {
  return path + "-writer";
}

Result<base::FileLock> lock_journal(const std::string& path, const std::string& doing) {
  // A killed process with children or a core dump to write releases the lock after a moment.
  constexpr std::chrono::milliseconds kPatience{200};
  auto lock = base::FileLock::acquire(writer_lock_of(path), kPatience, base::system_clock(), doing);
  if (lock || lock.error().code != ErrorCode::kConflict) {
    return lock;
  }
  Error held = std::move(lock).error().in("another change of this machine is under way");
  held.hint = "wait until it is done, or let this command wait for it: --wait 10m";
  return held;
}

bool being_carried_out(const store::ChangeRow& change,
                       const std::string& journal_path,
                       const std::string& proc) {
  if (const auto locked = base::FileLock::locked(writer_lock_of(journal_path))) {
    return *locked;
  }
  if (change.start_ticks == 0 || change.boot_id.empty() || change.boot_id != base::boot_id(proc)) {
    return false;
  }
  const auto start = base::process_start(proc, change.pid);
  return start && static_cast<std::int64_t>(*start) == change.start_ticks;
}

}  // namespace mig::apply
