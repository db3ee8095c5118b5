// SPDX-License-Identifier: Apache-2.0
#include "launch/job_book.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "launch/cgroup.h"

namespace mig::launch {
namespace {

constexpr std::int64_t kKept = 1000;  // number of ended jobs kept
constexpr std::chrono::milliseconds kBetweenStopLooks{50};
constexpr std::chrono::seconds kAfterKill{5};

}  // namespace

Result<JobBook> JobBook::open(const std::string& folder, const std::string& proc) {
  MIG_ASSIGN_OR_RETURN(store::Jobs jobs, store::Jobs::open(folder + "/jobs.db"));
  return JobBook(std::move(jobs), folder, proc);
}

Result<void> JobBook::begin(store::JobRow& row) {
  const holders::Moment now = holders::read_moment(base::system_clock(), proc_);
  row.boot_id = now.boot_id;
  row.created_ms = now.wall_ms;
  row.supervisor_pid = ::getpid();
  row.supervisor_start = static_cast<std::int64_t>(
      holders::start_of(proc_, static_cast<std::uint32_t>(::getpid())).value_or(0));
  std::vector<std::int64_t> forgotten;
  MIG_ASSIGN_OR_RETURN(row.id, jobs_.add(row, kKept, forgotten));
  for (const std::int64_t id : forgotten) {
    // Ranks are numbered from 0 without gaps.
    for (std::int64_t rank = 0; ::unlink(log_path(id, rank).c_str()) == 0; ++rank) {
      ::unlink((log_path(id, rank) + ".1").c_str());
    }
  }
  return {};
}

std::string JobBook::log_path(std::int64_t job, std::int64_t rank) const {
  return fmt::format("{}/{}.{}.log", folder_, job, rank);
}

bool JobBook::alive(const std::string& boot_id, std::int64_t pid, std::int64_t start_ticks) const {
  if (pid <= 0 || boot_id != holders::read_moment(base::system_clock(), proc_).boot_id) {
    return false;
  }
  const auto start = holders::start_of(proc_, static_cast<std::uint32_t>(pid));
  return start && static_cast<std::int64_t>(*start) == start_ticks;
}

bool JobBook::any_alive(const store::JobRow& row) const {
  return std::any_of(row.ranks.begin(), row.ranks.end(), [&](const store::JobRankRow& rank) {
    return alive(row.boot_id, rank.pid, rank.start_ticks);
  });
}

JobView JobBook::view_of(store::JobRow row) const {
  JobView view;
  if (row.finished_ms) {
    view.state = JobState::kEnded;
  } else if (alive(row.boot_id, row.supervisor_pid, row.supervisor_start)) {
    view.state = row.started_ms ? JobState::kRunning : JobState::kWaiting;
  } else {
    view.state = any_alive(row) ? JobState::kUnsupervised : JobState::kLost;
  }
  view.row = std::move(row);
  for (JobRank& rank : view.row.ranks) {
    rank.log = view.row.logged ? log_path(view.row.id, rank.rank) : "";
  }
  return view;
}

Result<std::vector<JobView>> JobBook::list() {
  MIG_ASSIGN_OR_RETURN(std::vector<store::JobRow> rows, jobs_.all());
  std::vector<JobView> views;
  views.reserve(rows.size());
  for (store::JobRow& row : rows) {
    views.push_back(view_of(std::move(row)));
  }
  return views;
}

Result<JobView> JobBook::find(const std::string& word, bool live_only) {
  MIG_ASSIGN_OR_RETURN(std::vector<JobView> all, list());
  const auto id = base::parse_decimal(word, INT64_MAX);
  std::vector<JobView> found;
  std::vector<std::string> names;
  for (JobView& view : all) {
    if (!view.row.name.empty()) {
      names.push_back(view.row.name);
    }
    const bool named = id ? view.row.id == static_cast<std::int64_t>(*id) : view.row.name == word;
    if (named && (!live_only || view.live())) {
      found.push_back(std::move(view));
    }
  }
  if (found.empty()) {
    const auto near = base::nearest(word, names, 1);
    return fail(
        ErrorCode::kNotFound,
        fmt::format(
            "there is no {}job {} of yours here", live_only ? "running " : "", base::quoted(word)),
        near.empty() || near.front() == word
            ? std::string("migctl jobs --all lists them")
            : fmt::format("did you mean {}? migctl jobs --all lists them",
                          base::quoted(near.front())));
  }
  if (live_only && found.size() > 1) {
    std::vector<std::string> ids;
    ids.reserve(found.size());
    for (const JobView& view : found) {
      ids.push_back(std::to_string(view.row.id));
    }
    return fail(ErrorCode::kUsage,
                fmt::format("{} jobs named {} are running: {}",
                            found.size(),
                            base::quoted(word),
                            base::join(ids, ", ")),
                "name one by its number");
  }
  return std::move(found.back());
}

Result<void> JobBook::signal_all(const store::JobRow& row, int signal) const {
  for (const store::JobRankRow& rank : row.ranks) {
    if (!alive(row.boot_id, rank.pid, rank.start_ticks)) {
      continue;
    }
    const auto pid = static_cast<pid_t>(rank.pid);
    if (::kill(rank.own_group ? -pid : pid, signal) != 0 && errno == EPERM) {
      return fail(ErrorCode::kPermission,
                  fmt::format("pid {} of job {} is another user's", pid, row.id));
    }
  }
  if (signal == SIGKILL && !row.cgroup.empty()) {
    JobCgroup::kill_all(row.cgroup);
  }
  return {};
}

// For a job whose supervisor could not record its end: still waiting, or dead.
Result<void> JobBook::note_stopped(std::int64_t job) {
  MIG_ASSIGN_OR_RETURN(JobView now, find(std::to_string(job), false));
  if (now.row.finished_ms) {
    return {};
  }
  now.row.finished_ms = holders::read_moment(base::system_clock(), proc_).wall_ms;
  now.row.note = "stopped";
  return jobs_.update(now.row);
}

Result<void> JobBook::stop(const JobView& job,
                           std::chrono::milliseconds grace,
                           const std::function<void()>& killing) {
  using Steady = std::chrono::steady_clock;
  const store::JobRow& row = job.row;
  const auto supervised = [&] {
    return alive(row.boot_id, row.supervisor_pid, row.supervisor_start);
  };
  const auto gone_by = [&](Steady::time_point deadline) {
    while (supervised() || any_alive(row)) {
      if (Steady::now() >= deadline) {
        return false;
      }
      std::this_thread::sleep_for(kBetweenStopLooks);
    }
    return true;
  };
  // The supervisor forwards the signal, and restarts nothing.
  if (supervised()) {
    if (::kill(static_cast<pid_t>(row.supervisor_pid), SIGTERM) != 0 && errno != ESRCH) {
      return fail(ErrorCode::kPermission,
                  fmt::format("cannot signal pid {}, which runs job {}: {}",
                              row.supervisor_pid,
                              row.id,
                              std::generic_category().message(errno)));
    }
  } else {
    MIG_TRY(signal_all(row, SIGTERM));
  }
  if (gone_by(Steady::now() + grace)) {
    return note_stopped(row.id);
  }
  if (killing) {
    killing();
  }
  MIG_TRY(signal_all(row, SIGKILL));
  // A waiting job has no command yet to end gracefully.
  if (row.ranks.empty() && supervised()) {
    ::kill(static_cast<pid_t>(row.supervisor_pid), SIGKILL);
  }
  if (gone_by(Steady::now() + kAfterKill)) {
    return note_stopped(row.id);
  }
  return fail(ErrorCode::kTimeout,
              fmt::format("job {} does not end, even after SIGKILL: its process hangs in the "
                          "kernel, or it is being started again",
                          row.id),
              "migctl jobs shows its processes");
}

}  // namespace mig::launch
