// SPDX-License-Identifier: Apache-2.0
#include "cli/render_jobs.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "base/units.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

constexpr std::size_t kShownNote = 40;  // --json has the full text

std::string since(std::int64_t now_ms, std::int64_t then_ms) {
  return base::span_text(now_ms > then_ms ? now_ms - then_ms : 0);
}

std::string instances_text(const Job& job) {
  if (job.row.ranks.empty()) {
    return "-";
  }
  const JobRank& first = job.row.ranks.front();
  if (job.row.ranks.size() > 1) {
    return fmt::format("{} x {}", job.row.ranks.size(), first.instance.profile.str());
  }
  return fmt::format("{} on {} gi={} ci={}",
                     first.instance.profile.str(),
                     first.instance.gpu.value,
                     first.instance.gpu_instance.value,
                     first.instance.compute_instance.value);
}

}  // namespace

std::string standing_text(const Job& job, std::int64_t now_ms) {
  const JobRecord& row = job.row;
  std::int64_t restarts = 0;
  for (const JobRank& rank : row.ranks) {
    restarts += rank.restarts;
  }
  const std::string again =
      restarts == 0 ? "" : fmt::format(", {}", base::counted(restarts, "restart"));
  switch (job.state) {
    case JobState::kWaiting:
      return fmt::format("waiting for {}{}",
                         since(now_ms, row.created_ms),
                         row.note.empty() ? "" : ": " + base::quoted(row.note, kShownNote));
    case JobState::kRunning:
      return "running for " + since(now_ms, row.started_ms.value_or(now_ms)) + again;
    case JobState::kUnsupervised:
      return "running, its migctl was killed";
    case JobState::kEnded:
      break;
    case JobState::kLost:
      return "gone, nobody saw how";
  }
  if (!row.exit_code) {
    return (row.started_ms ? "" : "not begun: ") + base::quoted(row.note, kShownNote);
  }
  return fmt::format(
      "ended with {}{}{}", *row.exit_code, row.note.empty() ? "" : " (" + row.note + ")", again);
}

std::string jobs_text(const std::vector<Job>& jobs,
                      std::int64_t now_ms,
                      const std::string& user,
                      const wire::Source& source,
                      const Paint& paint) {
  Table table({{"JOB", true}, {"NAME"}, {"INSTANCE"}, {"PID", true}, {"STATE"}, {"COMMAND"}});
  constexpr std::size_t kShownCommand = 60;
  for (const Job& job : jobs) {
    const bool one = job.row.ranks.size() == 1 && job.row.ranks.front().pid != 0;
    std::string command = job.row.command;
    if (command.size() > kShownCommand) {
      command = base::quoted(command, kShownCommand);
    }
    table.row({fmt::format("{}", job.row.id),
               job.row.name.empty() ? "-" : job.row.name,
               instances_text(job),
               one && job.live() ? fmt::format("{}", job.row.ranks.front().pid) : "-",
               standing_text(job, now_ms),
               command});
  }
  const std::string mark = simulated_mark(source);
  std::string text = mark + (mark.empty() ? "" : ": ");
  text += jobs.empty() ? std::string("no jobs") : base::counted(jobs.size(), "job");
  text += user.empty() ? " of yours\n" : " of " + user + "\n";
  return table.empty() ? text : text + table.draw(paint);
}

}  // namespace mig::cli
