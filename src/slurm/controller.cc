// SPDX-License-Identifier: Apache-2.0
#include "slurm/controller.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "slurm/program.h"

namespace mig::slurm {
namespace {

constexpr std::chrono::minutes kRestartPatience{5};
constexpr std::size_t kMostJobs = 10'000;
constexpr const char* kJobFormat = "%i|%u|%T|%L|%b|%A";

// "Gres=gpu:1g.18gb:2" of a line of such words; the value of the last key runs to the line's end.
std::string word_value(const std::string& line, const std::string& key) {
  const std::string wanted = " " + key + "=";
  const std::size_t at = line.find(wanted);
  if (at == std::string::npos) {
    return "";
  }
  const std::size_t begin = at + wanted.size();
  const std::size_t end = key == "Reason" ? line.size() : line.find(' ', begin);
  std::string value = line.substr(begin, end == std::string::npos ? end : end - begin);
  return value == "(null)" ? "" : value;
}

}  // namespace

bool NodeState::has(std::string_view flag) const {
  const auto words = base::split(state, '+');
  return std::any_of(words.begin(), words.end(), [&](std::string word) {
    while (!word.empty() && std::string_view("*~#!%$@^-").find(word.back()) != std::string::npos) {
      word.pop_back();
    }
    return word == flag;
  });
}

bool NodeState::idle() const {
  return !has("COMPLETING") && !has("ALLOCATED") && !has("MIXED");
}

bool NodeState::fits() const {
  return !has("INVALID_REG") && !has("INVAL") && !has("NOT_RESPONDING") && !has("UNKNOWN") &&
         !has("DOWN") && state.find('*') == std::string::npos;
}

Result<NodeState> parse_node_state(std::string_view text, const std::string& node) {
  for (const std::string& line : base::split(text, '\n')) {
    if (!line.starts_with("NodeName=" + node + " ")) {
      continue;
    }
    NodeState state;
    state.state = word_value(line, "State");
    state.gres = word_value(line, "Gres");
    state.reason = word_value(line, "Reason");
    state.slurmd_start = word_value(line, "SlurmdStartTime");
    if (state.slurmd_start == "None" || state.slurmd_start == "Unknown") {
      state.slurmd_start.clear();
    }
    if (!state.state.empty()) {
      return state;
    }
  }
  return fail(ErrorCode::kIo,
              fmt::format("scontrol tells nothing of node {}: {}", node, base::quoted(text, 120)),
              "its answer has a form that migctl does not know");
}

std::vector<QueuedJob> parse_jobs(std::string_view text) {
  std::vector<QueuedJob> jobs;
  for (const std::string& line : base::split(text, '\n')) {
    const auto words = base::split(line, '|');
    if (words.size() == 6 && jobs.size() < kMostJobs) {
      jobs.push_back({words[0], words[1], words[2], words[3], words[4], words[5]});
    }
  }
  return jobs;
}

std::vector<std::string> types_asked(std::string_view gres) {
  std::vector<std::string> types;
  for (const std::string& item : base::split(gres, ',')) {
    auto words = base::split(item, ':');
    if (!words.empty() && words.front() == "gres") {
      words.erase(words.begin());
    }
    // "gpu:TYPE", "gpu:TYPE:N"; "gpu:N" has no type.
    if (words.size() >= 2 && words[0] == "gpu" && !base::parse_decimal(words[1], UINT32_MAX)) {
      types.push_back(words[1]);
    }
  }
  return types;
}

std::vector<SlurmdDevice> parse_slurmd(std::string_view text) {
  std::vector<SlurmdDevice> devices;
  for (std::string line : base::split(text, '\n')) {
    const std::size_t at = line.find("Gres Name=gpu ");
    if (at == std::string::npos) {
      continue;
    }
    line.erase(0, at);
    SlurmdDevice device;
    device.type = word_value(line, "Type");
    device.count = static_cast<std::uint32_t>(
        base::parse_decimal(word_value(line, "Count"), UINT32_MAX).value_or(0));
    const std::string files = word_value(line, "File");
    device.files = files.empty() ? std::vector<std::string>() : base::split(files, ',');
    devices.push_back(std::move(device));
  }
  return devices;
}

Result<std::string> Controller::ask(const std::string& doing,
                                    const std::vector<std::string>& argv) const {
  // Without it Slurm's programs wait for a minute.
  if (::access(settings_.slurm_conf.c_str(), R_OK) != 0) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("cannot {}: {} is not there or not readable", doing, settings_.slurm_conf),
        "slurm_conf: in /etc/migctl/slurm.yaml, --slurm-conf or $SLURM_CONF names it");
  }
  MIG_ASSIGN_OR_RETURN(const ProgramEnd end, run_program(argv, settings_, {}));
  if (end.exit_code != 0 || end.timed_out) {
    return program_error(doing, argv, end, settings_.node);
  }
  return end.output;
}

Result<NodeState> Controller::state() const {
  MIG_ASSIGN_OR_RETURN(const std::string text,
                       ask(fmt::format("look at node {}", settings_.node),
                           {"scontrol", "--oneliner", "show", "node", settings_.node}));
  return parse_node_state(text, settings_.node);
}

Result<void> Controller::drain(const std::string& reason) const {
  MIG_TRY(
      ask(fmt::format("drain node {}", settings_.node),
          {"scontrol", "update", "nodename=" + settings_.node, "state=drain", "reason=" + reason}));
  return {};
}

Result<void> Controller::resume() const {
  MIG_TRY(ask(fmt::format("resume node {}", settings_.node),
              {"scontrol", "update", "nodename=" + settings_.node, "state=resume"}));
  return {};
}

Result<std::vector<QueuedJob>> Controller::running() const {
  MIG_ASSIGN_OR_RETURN(const std::string text,
                       ask("list the node's jobs",
                           {"squeue",
                            "--noheader",
                            "--nodelist=" + settings_.node,
                            "--states=RUNNING,COMPLETING,SUSPENDED,CONFIGURING,STOPPED",
                            std::string("--format=") + kJobFormat}));
  return parse_jobs(text);
}

Result<std::vector<QueuedJob>> Controller::pending() const {
  MIG_ASSIGN_OR_RETURN(
      const std::string text,
      ask("list the jobs that wait",
          {"squeue", "--noheader", "--states=PENDING", std::string("--format=") + kJobFormat}));
  return parse_jobs(text);
}

Result<std::vector<SlurmdDevice>> Controller::slurmd_devices() const {
  MIG_ASSIGN_OR_RETURN(const std::string text,
                       ask("ask slurmd for its devices",
                           {"slurmd", "-G", "-f", settings_.slurm_conf, "-N", settings_.node}));
  return parse_slurmd(text);
}

Result<void> Controller::restart(const std::string& what,
                                 const std::vector<std::string>& argv) const {
  ProgramLimits limits;
  limits.timeout = kRestartPatience;
  MIG_ASSIGN_OR_RETURN(const ProgramEnd end, run_program(argv, settings_, limits));
  if (end.exit_code == 0 && !end.timed_out) {
    return {};
  }
  return fail(end.timed_out ? ErrorCode::kTimeout : ErrorCode::kHook,
              fmt::format("cannot restart {}: `{}` {}: {}",
                          what,
                          base::join(argv, " "),
                          end.timed_out ? "did not end" : fmt::format("failed ({})", end.exit_code),
                          base::printable(end.last_line())),
              fmt::format("restart: {{{}: [...]}} in /etc/migctl/slurm.yaml says how", what));
}

Result<void> Controller::restart_slurmctld() const {
  return restart("slurmctld", settings_.restart_slurmctld);
}

Result<void> Controller::restart_slurmd() const {
  return restart("slurmd", settings_.restart_slurmd);
}

}  // namespace mig::slurm
