// SPDX-License-Identifier: Apache-2.0
// A signal to a process that was seen before, and to no other that has its pid now.
#ifndef MIGCTL_TOP_SEND_SIGNAL_H_
#define MIGCTL_TOP_SEND_SIGNAL_H_

#include <string>

#include "mig/result.h"

#include "top/content.h"
#include "top/view.h"

namespace mig::top {

// By pidfd, whose process must have the start time of `id`. `proc`: path of /proc. Errors:
// kNotFound when it has ended, kConflict when another process has its pid or the start time is not
// known, kPermission.
Result<void> send_signal(const std::string& proc, const ProcessId& id, int signal);

// Sends an order, and says in one line what became of it.
std::string carry_out(const std::string& proc, const SignalOrder& order);

}  // namespace mig::top

#endif  // MIGCTL_TOP_SEND_SIGNAL_H_
