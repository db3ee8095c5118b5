// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: what a forked process does before it runs a program. Async-signal-safe: this
// process may have had threads.
#ifndef MIGCTL_LAUNCH_FORKED_H_
#define MIGCTL_LAUNCH_FORKED_H_

#include <sys/types.h>

#include <cstddef>

namespace mig::launch {

// read(2), again after a signal.
ssize_t read_all(int fd, void* to, std::size_t size);

// So that a guard keeps no output pipe, driver or lock open.
void close_all_but(int kept);

// For a guard: a session of its own, and deaf to signals: those to our group or terminal miss it.
void leave_session();

// Signals ignored by our caller stay ignored; our own handlers and ignores are reset.
void standard_signals();

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_FORKED_H_
