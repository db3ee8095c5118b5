// SPDX-License-Identifier: Apache-2.0
#include "top/send_signal.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/process_start.h"
#include "top/keys.h"

namespace mig::top {
namespace {

Error trouble(const ProcessId& id, int number) {
  if (number == ESRCH) {
    return {ErrorCode::kNotFound, fmt::format("pid {} has ended", id.pid), {}, {}, {}};
  }
  if (number == EPERM) {
    return {ErrorCode::kPermission,
            fmt::format("pid {} is of another user: only that user and root may signal it", id.pid),
            {},
            {},
            {}};
  }
  return base::errno_error("signal", fmt::format("pid {}", id.pid), number);
}

}  // namespace

Result<void> send_signal(const std::string& proc, const ProcessId& id, int signal) {
  if (id.pid == 0 || id.start_ticks == 0) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("pid {} is not visible here, so that its number could mean another", id.pid));
  }
  // The descriptor first: from then on the pid cannot go to another process unnoticed.
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, id.pid, 0)));
  if (!process.valid()) {
    return trouble(id, errno);
  }
  const auto start = base::process_start(proc, id.pid);
  if (!start) {
    return trouble(id, ESRCH);
  }
  if (*start != id.start_ticks) {
    return fail(ErrorCode::kConflict,
                fmt::format("pid {} is another process now: it was used again", id.pid));
  }
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0) {
    return trouble(id, errno);
  }
  return {};
}

std::string carry_out(const std::string& proc, const SignalOrder& order) {
  std::size_t sent = 0;
  std::string first_trouble;
  for (const SignalOrder::Target& target : order.targets) {
    const auto done = send_signal(proc, target.id, order.signal);
    if (done) {
      ++sent;
    } else if (first_trouble.empty()) {
      first_trouble = done.error().text();
    }
  }
  std::string text;
  if (sent > 0) {
    text =
        order.targets.size() == 1
            ? fmt::format("{} sent to pid {}", signal_name(order.signal), order.targets[0].id.pid)
            : fmt::format("{} sent to {} of {} processes",
                          signal_name(order.signal),
                          sent,
                          order.targets.size());
  }
  if (!first_trouble.empty()) {
    text += (text.empty() ? "" : "; ") + first_trouble;
  }
  return text;
}

}  // namespace mig::top
