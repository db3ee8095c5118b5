// SPDX-License-Identifier: Apache-2.0
#include "doctor/child.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/proc_root.h"
#include "base/process.h"
#include "base/strings.h"

namespace mig::doctor {
namespace {

using Steady = std::chrono::steady_clock;

// Time that a child gets to end after SIGKILL.
constexpr std::chrono::milliseconds kToDie{500};

Finding look(const Check& check, Patient& patient) {
  if (check.needs_driver && check.id != "driver") {
    if (const auto node = patient.node(); !node) {
      return not_here("needs the driver, which does not answer: see the check driver");
    }
  }
  return check.look(patient);
}

// The child's whole life.
[[noreturn]] void look_and_tell(const Settings& settings,
                                const std::vector<const Check*>& checks,
                                bool driver_hangs,
                                int pipe) {
  std::signal(SIGPIPE, SIG_DFL);  // the parent is gone, so is the work
  Patient patient(settings, driver_hangs);
  for (const Check* check : checks) {
    Message message;
    message.finding = look(*check, patient);
    message.machine_dir = patient.places().machine().simulated_dir;
    if (!base::write_all(pipe, "the pipe of the checks", encode(message))) {
      break;
    }
  }
  ::_exit(0);  // the driver's own clean-up could hang
}

}  // namespace

Result<Child> start_child(const Settings& settings,
                          const std::vector<const Check*>& checks,
                          bool driver_hangs) {
  MIG_ASSIGN_OR_RETURN(base::Pipe pipe, base::make_pipe());
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  Child child;
  child.pid = ::fork();
  if (child.pid < 0) {
    return base::errno_error("start", "a process for the checks", errno);
  }
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
      ::_exit(0);
    }
    pipe.read.reset();
    look_and_tell(settings, checks, driver_hangs, pipe.write.get());
  }
  child.pipe = std::move(pipe.read);
  return child;
}

Came receive(Child& child, Steady::time_point deadline, Message& message) {
  for (;;) {
    bool broken = false;
    if (auto taken = take(child.received, broken); taken && !broken) {
      message = *std::move(taken);
      return Came::kMessage;
    }
    if (broken) {
      return Came::kEnd;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
    pollfd ready{child.pipe.get(), POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (count == 0) {
      return Came::kNothing;
    }
    if (count < 0) {
      continue;  // EINTR
    }
    std::array<char, 4096> bytes{};
    const ssize_t size = ::read(child.pipe.get(), bytes.data(), bytes.size());
    if (size == 0 || (size < 0 && errno != EINTR)) {
      return Came::kEnd;
    }
    child.received.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
}

std::vector<std::string> state_of(pid_t pid) {
  std::vector<std::string> lines;
  const std::string folder = fmt::format("{}/{}", base::proc_root(), pid);
  if (const auto status = base::read_file(folder + "/status", 1U << 16U)) {
    for (const std::string& line : base::split(*status, '\n')) {
      if (line.starts_with("State:")) {
        lines.push_back(fmt::format("{}/status: {}", folder, line));
      }
    }
  }
  if (const auto wait = base::read_file(folder + "/wchan", 256); wait && *wait != "0") {
    lines.push_back(folder + "/wchan: " + *wait);
  }
  return lines;
}

bool end_child(const Child& child, int& status) {
  ::kill(child.pid, SIGKILL);  // not reaped yet, so the pid is still its own
  const auto deadline = Steady::now() + kToDie;
  while (::waitpid(child.pid, &status, WNOHANG) == 0) {
    if (Steady::now() >= deadline) {
      return false;
    }
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace mig::doctor
