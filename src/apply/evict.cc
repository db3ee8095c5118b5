// SPDX-License-Identifier: Apache-2.0
#include "apply/evict.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/strings.h"
#include "holders/process_facts.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;
using holders::Holder;
using holders::Kind;

constexpr auto kBetweenLooks = 50ms;
constexpr auto kAfterKill = 10s;

const Holder* find_holder(const holders::Report& report, const Blocker& blocker) {
  const auto found =
      std::find_if(report.holders.begin(), report.holders.end(), [&](const Holder& holder) {
        const bool same = blocker.lease ? holder.lease && holder.lease->id == blocker.lease->id
                                        : blocker.process && holder.pid == blocker.process->pid;
        return same && holder.gpu == blocker.gpu;
      });
  return found == report.holders.end() ? nullptr : &*found;
}

Error not_ours_to_stop(const Holder& holder) {
  const std::string& unit = holder.owner.unit;
  return Error{ErrorCode::kInUse,
               fmt::format("{} is a {} and is not signalled", holder.str(), name_of(holder.kind)),
               holder.kind == Kind::kLease
                   ? "its holder may give it back (migctl lease list, migctl lease release ID), "
                     "then repeat the command"
               : unit.empty() ? "stop it by its own means, then repeat the command"
                              : "systemctl stop " + unit + ", then repeat the command",
               {},
               {}};
}

bool alive(const Evictee& who, const std::string& proc) {
  return holders::start_of(proc, who.pid) == who.start_ticks;
}

// pidfd: identifies the process despite pid reuse, which closes the race between the check and the
// signal (TOCTOU). Kernels without pidfd_open (before 5.3) leave a gap of microseconds.
Result<void> send(const Evictee& who, int signal, const std::string& proc) {
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, who.pid, 0)));
  const bool known = process.valid() || errno == ENOSYS;
  if (!known || !alive(who, proc)) {
    return {};
  }
  const auto pid = static_cast<pid_t>(who.pid);
  const long sent = process.valid()
                        ? ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0)
                        : ::kill(pid, signal);
  if (sent == 0 || errno == ESRCH) {
    return {};
  }
  return fail(ErrorCode::kPermission,
              fmt::format("cannot stop {}: {}", who.text, std::generic_category().message(errno)),
              "run it as root (sudo), or as the user whose process it is");
}

std::vector<Evictee> left_of(const std::vector<Evictee>& who, const std::string& proc) {
  std::vector<Evictee> left;
  std::copy_if(who.begin(), who.end(), std::back_inserter(left), [&](const Evictee& one) {
    return alive(one, proc);
  });
  return left;
}

bool stop_wanted(const EvictOptions& options) {
  return options.stop != nullptr && *options.stop;
}

std::vector<Evictee> wait_for(const std::vector<Evictee>& who,
                              std::chrono::nanoseconds time,
                              const EvictOptions& options,
                              base::Clock& clock) {
  const auto deadline = clock.monotonic() + time;
  for (;;) {
    std::vector<Evictee> left = left_of(who, options.proc);
    if (left.empty() || clock.monotonic() >= deadline || stop_wanted(options)) {
      return left;
    }
    clock.sleep(kBetweenLooks);
  }
}

std::string names(const std::vector<Evictee>& who) {
  std::vector<std::string> texts;
  texts.reserve(who.size());
  for (const Evictee& one : who) {
    texts.push_back(one.text);
  }
  return base::join(texts, "; ");
}

Error stopped(const std::vector<Evictee>& who) {
  return Error{ErrorCode::kRolledBack,
               "stopped on request: nothing was changed; not yet ended: " + names(who),
               {},
               {},
               {}};
}

// True for an ordinary process, and for the job that holds a lease.
bool may_be_signalled(const Holder& holder) {
  return holder.kind == Kind::kProcess || (holder.kind == Kind::kLease && holder.pid != 0);
}

}  // namespace

Result<std::vector<Evictee>> evictees(const Plan& plan, const holders::Report& report) {
  std::vector<Evictee> out;
  for (const GpuPlan& gpu : plan.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      const Holder* holder = find_holder(report, blocker);
      if (holder == nullptr) {
        continue;  // the process has just ended
      }
      if (!may_be_signalled(*holder)) {
        return not_ours_to_stop(*holder);
      }
      const std::uint64_t start =
          blocker.start_ticks != 0 ? blocker.start_ticks : holder->start_ticks;
      if (start == 0 || holder->pid <= 1 || holder->pid == static_cast<std::uint32_t>(getpid())) {
        return fail(ErrorCode::kInUse,
                    fmt::format("{} is not signalled: it cannot be told from others of its number",
                                holder->str()),
                    "run migctl where /proc shows that process");
      }
      const bool known = std::any_of(
          out.begin(), out.end(), [&](const Evictee& one) { return one.pid == holder->pid; });
      if (!known) {
        out.push_back({holder->pid, start, gpu.gpu, holder->gpu_instance, holder->str()});
      }
    }
  }
  return out;
}

Result<void> evict(const std::vector<Evictee>& who,
                   const EvictOptions& options,
                   base::Clock& clock) {
  const auto tell = [&](const std::string& line) {
    if (options.tell) {
      options.tell(line);
    }
  };
  for (const Evictee& one : who) {
    if (options.hook && alive(one, options.proc)) {
      MIG_TRY(options.hook(one));
    }
  }
  for (const Evictee& one : left_of(who, options.proc)) {
    if (stop_wanted(options)) {
      return stopped({one});
    }
    tell(fmt::format("asking {} to stop (SIGTERM)", one.text));
    MIG_TRY(send(one, SIGTERM, options.proc));
  }
  std::vector<Evictee> left = wait_for(who, options.grace, options, clock);
  if (!left.empty() && stop_wanted(options)) {
    return stopped(left);
  }
  for (const Evictee& one : left) {
    tell(fmt::format("{} did not stop within {} ms: SIGKILL", one.text, options.grace.count()));
    MIG_TRY(send(one, SIGKILL, options.proc));
  }
  left = wait_for(left, kAfterKill, options, clock);
  if (left.empty()) {
    return {};
  }
  return fail(ErrorCode::kTimeout,
              fmt::format("still there after SIGKILL: {}", names(left)),
              "a process that waits inside the driver ends when the driver lets go of it; a reset "
              "or reboot may be needed");
}

}  // namespace mig::apply
