// SPDX-License-Identifier: Apache-2.0
#include "slurm/program.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/hook_runner.h"
#include "slurm/settings.h"

namespace mig::slurm {
namespace {

struct Meaning {
  std::string_view text;  // in the output
  ErrorCode code;
  std::string_view what, hint;
};

// What Slurm 22.05 prints (tests/slurm/failures.py).
constexpr std::array<Meaning, 7> kMeanings{{
    {"Munge encode failed",
     ErrorCode::kIo,
     "munge does not answer, by which Slurm knows who asks",
     "systemctl start munge; migctl slurm check says more"},
    {"authentication",
     ErrorCode::kIo,
     "munge does not answer, or has another key than slurmctld's",
     "systemctl start munge, with the cluster's /etc/munge/munge.key"},
    {"Unable to contact slurm controller",
     ErrorCode::kIo,
     "slurmctld does not answer",
     "start it (systemctl start slurmctld), or see why it does not run"},
    {"not found", ErrorCode::kNotFound, "Slurm knows no such node", ""},
    {"Invalid node name", ErrorCode::kNotFound, "Slurm knows no such node", ""},
    {"Access/permission denied",
     ErrorCode::kPermission,
     "Slurm does not let this user change a node",
     "as root or SlurmUser"},
    {"Unable to process configuration",
     ErrorCode::kInvalidInput,
     "Slurm cannot read its configuration",
     "scontrol show config says where"},
}};

}  // namespace

std::string ProgramEnd::last_line() const {
  std::string last;
  for (const std::string& line : base::split(output, '\n')) {
    if (!line.empty()) {
      last = line;
    }
  }
  return last;
}

Result<ProgramEnd> run_program(const std::vector<std::string>& argv,
                               const Settings& settings,
                               const ProgramLimits& limits) {
  HookCommand command;
  command.command = argv.front();
  command.args.assign(argv.begin() + 1, argv.end());
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && equals > 0) {
      command.envs.insert_or_assign(std::string(text.substr(0, equals)),
                                    std::string(text.substr(equals + 1)));
    }
  }
  launch::HookRun run;
  run.environment = {{"SLURM_CONF", settings.slurm_conf}, {"LC_ALL", "C"}};
  run.timeout = limits.timeout;
  run.stop = limits.stop;
  auto end = launch::run_hook(command, run);
  if (!end) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot run {}: {}", base::quoted(argv.front()), end.error().message),
                "Slurm's programs must be in $PATH, or named in /etc/migctl/slurm.yaml");
  }
  return ProgramEnd{end->exit_code, end->timed_out, std::move(end->output)};
}

Error program_error(const std::string& doing,
                    const std::vector<std::string>& argv,
                    const ProgramEnd& end,
                    const std::string& node) {
  const std::string command = base::join(argv, " ");
  if (end.timed_out) {
    return Error{ErrorCode::kTimeout,
                 fmt::format("cannot {}: `{}` did not end", doing, command),
                 "see whether slurmctld and munge answer: scontrol ping",
                 {},
                 {}};
  }
  const std::string said = base::printable(end.last_line());
  const auto known = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& meaning) {
    return end.output.find(meaning.text) != std::string::npos;
  });
  if (known == kMeanings.end()) {
    return Error{
        ErrorCode::kIo,
        fmt::format("cannot {}: `{}` failed ({}): {}", doing, command, end.exit_code, said),
        "",
        {},
        {}};
  }
  const bool name = known->code == ErrorCode::kNotFound;
  return Error{
      known->code,
      fmt::format("cannot {}: {}{}: {}", doing, known->what, name ? " as " + node : "", said),
      name ? "node: in /etc/migctl/slurm.yaml, or --node, says what this machine is called there"
           : std::string(known->hint),
      {},
      {}};
}

}  // namespace mig::slurm
