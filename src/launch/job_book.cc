// SPDX-License-Identifier: Apache-2.0
#include "launch/job_book.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "launch/job_processes.h"

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
    for (std::int64_t rank = 0; ::unlink(id_path(id, rank).c_str()) == 0; ++rank) {
    }
    for (std::int64_t rank = 0; ::unlink(log_path(id, rank).c_str()) == 0; ++rank) {
      ::unlink((log_path(id, rank) + ".1").c_str());
    }
  }
  return {};
}

std::string JobBook::id_path(std::int64_t job, std::int64_t rank) const {
  return fmt::format("{}/{}.{}.cid", folder_, job, rank);
}

std::string JobBook::log_path(std::int64_t job, std::int64_t rank) const {
  return fmt::format("{}/{}.{}.log", folder_, job, rank);
}

void JobBook::limit_logs(std::uint64_t most) {
  struct LogFile {
    std::uint64_t job, size;
    std::string path;
  };

  std::vector<LogFile> files;
  std::uint64_t total = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    const auto job = base::parse_decimal(name.substr(0, name.find('.')), INT64_MAX);
    std::error_code unknown;
    if (job && entry.is_regular_file(unknown) && !entry.is_symlink(unknown)) {
      files.push_back({*job, entry.file_size(unknown), entry.path().string()});
      total += unknown ? 0 : files.back().size;
    }
  }
  if (total <= most) {
    return;
  }
  std::set<std::uint64_t> live;
  const auto jobs = list();
  for (const JobView& view : jobs ? *jobs : std::vector<JobView>()) {
    if (view.live()) {
      live.insert(static_cast<std::uint64_t>(view.row.id));
    }
  }
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::tie(a.job, a.path) < std::tie(b.job, b.path);
  });
  for (const LogFile& file : files) {
    if (jobs && total > most && !live.contains(file.job) && ::unlink(file.path.c_str()) == 0) {
      total -= file.size;
    }
  }
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

std::vector<JobProcess> JobBook::processes_of(const store::JobRow& row) const {
  const bool this_boot = row.boot_id == holders::read_moment(base::system_clock(), proc_).boot_id;
  return this_boot ? processes_of_job(row, proc_) : std::vector<JobProcess>();
}

Result<void> JobBook::signal_all(const store::JobRow& row, int signal, bool supervised) const {
  const auto in_group_of_rank = [&row](const JobProcess& process) {
    return std::any_of(row.ranks.begin(), row.ranks.end(), [&](const store::JobRankRow& rank) {
      return rank.own_group && rank.pid == process.group;
    });
  };
  for (const JobProcess& process : processes_of(row)) {
    // The supervisor passes the signal on to the groups of its commands.
    if (supervised && signal == SIGTERM && in_group_of_rank(process)) {
      continue;
    }
    if (!signal_job_process(process, signal, proc_)) {
      return fail(ErrorCode::kPermission,
                  fmt::format("{} of job {} is another user's", names_of({process}), row.id));
    }
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

bool JobBook::supervised(const store::JobRow& row) const {
  return alive(row.boot_id, row.supervisor_pid, row.supervisor_start);
}

Result<JobBook::Remains> JobBook::wait_for_end(const store::JobRow& row,
                                               std::chrono::milliseconds patience,
                                               bool kill) const {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point deadline = Steady::now() + patience;
  for (;;) {
    Remains left{processes_of(row), supervised(row)};
    if (!left.any() || Steady::now() >= deadline) {
      return left;
    }
    if (kill) {  // again: they may have forked meanwhile
      MIG_TRY(signal_all(row, SIGKILL, false));
    }
    std::this_thread::sleep_for(kBetweenStopLooks);
  }
}

namespace {

Result<void> ask_supervisor(const store::JobRow& row) {
  if (::kill(static_cast<pid_t>(row.supervisor_pid), SIGTERM) != 0 && errno != ESRCH) {
    return fail(ErrorCode::kPermission,
                fmt::format("cannot signal pid {}, which runs job {}: {}",
                            row.supervisor_pid,
                            row.id,
                            std::generic_category().message(errno)));
  }
  return {};
}

}  // namespace

Result<void> JobBook::stop(const JobView& job,
                           std::chrono::milliseconds grace,
                           const std::function<void()>& killing) {
  const store::JobRow& row = job.row;
  // The supervisor forwards the signal, and restarts nothing.
  const bool has_supervisor = supervised(row);
  if (has_supervisor) {
    MIG_TRY(ask_supervisor(row));
  }
  MIG_TRY(signal_all(row, SIGTERM, has_supervisor));
  MIG_ASSIGN_OR_RETURN(Remains left, wait_for_end(row, grace, false));
  if (left.any()) {
    if (killing) {
      killing();
    }
    MIG_TRY(signal_all(row, SIGKILL, false));
    // A waiting job has no command yet to end gracefully.
    if (row.ranks.empty() && supervised(row)) {
      ::kill(static_cast<pid_t>(row.supervisor_pid), SIGKILL);
    }
    MIG_ASSIGN_OR_RETURN(left, wait_for_end(row, kAfterKill, true));
  }
  if (!left.any()) {
    return note_stopped(row.id);
  }
  return fail(
      ErrorCode::kTimeout,
      fmt::format("job {} does not end, even after SIGKILL: its process hangs in the "
                  "kernel, or it is being started again; still running: {}",
                  row.id,
                  left.processes.empty() ? fmt::format("pid {} (migctl)", row.supervisor_pid)
                                         : names_of(left.processes)),
      "migctl jobs shows its processes");
}

}  // namespace mig::launch
