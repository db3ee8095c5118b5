// SPDX-License-Identifier: Apache-2.0
#include "doctor/examine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"
#include "doctor/check.h"
#include "doctor/child.h"
#include "doctor/message.h"

namespace mig::doctor {
namespace {

using Steady = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr std::string_view kDriver = "driver";

Finding hangs(const Check& check, const Child& child, Milliseconds limit) {
  Finding finding;
  finding.verdict = Verdict::kProblem;
  finding.found = fmt::format("no answer within {}", base::span_text(limit.count()));
  finding.evidence = state_of(child.pid);
  int status = 0;
  if (!end_child(child, status)) {
    finding.evidence.push_back(fmt::format(
        "process {} cannot be killed: it is inside of a call of the kernel", child.pid));
  }
  finding.cause = check.needs_driver
                      ? "a call of the driver does not return: the GPU or its firmware hangs, or "
                        "another program holds a lock of the driver"
                      : "a file or a service that this check reads does not answer";
  if (check.needs_driver) {
    finding.mend = {"dmesg | grep -i -e NVRM -e Xid", "reboot, if the kernel log names a GPU"};
  }
  return finding;
}

Finding died(const Child& child) {
  int status = 0;
  const bool ended = end_child(child, status);
  const char* name = ::sigabbrev_np(WTERMSIG(status));
  Finding finding;
  finding.verdict = Verdict::kProblem;
  finding.found = ended && WIFSIGNALED(status)
                      ? fmt::format("the driver's library ended the process that asked it: SIG{}",
                                    name != nullptr ? name : "?")
                      : "the process that asked ended without an answer";
  finding.cause = "a defect of the library, or one that does not belong to the kernel module";
  finding.mend = {"install the driver anew, library and kernel module of one version"};
  return finding;
}

class Examination {
 public:
  Examination(const Settings& settings, std::vector<const Check*> checks)
      : settings_(settings), checks_(std::move(checks)) {
    examined_.machine = settings.machine;
    examined_.checkup.privileged = ::geteuid() == 0;
  }

  Result<Examined> run() {
    while (next_ < checks_.size()) {
      const std::vector<const Check*> rest(checks_.begin() + static_cast<std::ptrdiff_t>(next_),
                                           checks_.end());
      MIG_ASSIGN_OR_RETURN(Child child, start_child(settings_, rest, driver_hangs_));
      MIG_TRY(follow(child));
    }
    return std::move(examined_);
  }

 private:
  // Takes the child's messages until it is through, hangs or has died.
  Result<void> follow(Child& child) {
    while (next_ < checks_.size()) {
      const Check& check = *checks_[next_];
      const auto since = Steady::now();
      Message message;
      const Came came = receive(child, since + settings_.limit, message);
      if (came == Came::kMessage) {
        examined_.machine.simulated_dir = message.machine_dir;
        add(check, std::move(message.finding), since);
        continue;
      }
      if (came == Came::kNothing) {
        driver_hangs_ = driver_hangs_ || check.needs_driver;
        add(check, hangs(check, child, settings_.limit), since);
      } else {
        driver_hangs_ = driver_hangs_ || check.id == kDriver;
        add(check, died(child), since);
      }
      return {};
    }
    int status = 0;
    end_child(child, status);
    return {};
  }

  void add(const Check& check, Finding finding, Steady::time_point since) {
    const auto took = std::chrono::duration_cast<Milliseconds>(Steady::now() - since);
    examined_.checkup.results.push_back({std::string(check.id),
                                         std::string(check.title),
                                         finding.verdict,
                                         std::move(finding.found),
                                         std::move(finding.evidence),
                                         std::move(finding.cause),
                                         std::move(finding.mend),
                                         took});
    ++next_;
  }

  const Settings& settings_;
  std::vector<const Check*> checks_;
  Examined examined_;
  std::size_t next_ = 0;
  bool driver_hangs_ = false;  // it is asked no more
};

Result<std::vector<const Check*>> chosen(const std::vector<std::string>& only) {
  std::vector<const Check*> checks;
  std::vector<std::string> known;
  for (const Check& check : check_table()) {
    known.emplace_back(check.id);
    if (only.empty() || std::find(only.begin(), only.end(), check.id) != only.end()) {
      checks.push_back(&check);
    }
  }
  for (const std::string& id : only) {
    if (std::find(known.begin(), known.end(), id) == known.end()) {
      const auto near = base::nearest(id, known, 1);
      return fail(ErrorCode::kNotFound,
                  "there is no check " + base::quoted(id),
                  near.empty()
                      ? "migctl doctor --list names them"
                      : "did you mean " + near.front() + "? migctl doctor --list names them");
    }
  }
  return checks;
}

}  // namespace

Settings settings_for(const node::DriverChoice& choice) {
  const store::Surroundings around = store::Surroundings::ours();
  Settings settings;
  settings.choice = choice;
  if (!choice.simulated.empty()) {
    settings.machine = store::machine_named(choice.simulated, around);
  } else if (store::driver_is_there(around) || gpu_on_bus(Roots({}))) {
    settings.choice.only_named = true;
    settings.machine = store::machine_of_unnamed(around).value_or(store::MachineId{});
    if (around.machine.empty() && around.shell_machine.empty()) {
      settings.machine = {};
    }
  } else {
    settings.machine = store::machine_of_unnamed(around).value_or(store::MachineId{});
  }
  return settings;
}

Result<Examined> examine(const Settings& settings) {
  MIG_ASSIGN_OR_RETURN(std::vector<const Check*> checks, chosen(settings.only));
  return Examination(settings, std::move(checks)).run();
}

std::vector<CheckName> check_names() {
  std::vector<CheckName> names;
  for (const Check& check : check_table()) {
    names.push_back({std::string(check.id), std::string(check.title), check.needs_driver});
  }
  return names;
}

}  // namespace mig::doctor
