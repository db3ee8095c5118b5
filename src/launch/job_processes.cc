// SPDX-License-Identifier: Apache-2.0
#include "launch/job_processes.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include <dirent.h>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "holders/process_facts.h"
#include "launch/cgroup.h"

namespace mig::launch {
namespace {

constexpr std::size_t kMostEnvironment = 4U << 20U;
constexpr std::uint64_t kLastPid = 1U << 22U;  // PID_MAX_LIMIT of the kernel
constexpr std::size_t kMostNamed = 10;

class ProcessSearch {
 public:
  ProcessSearch(const store::JobRow& row, const std::string& proc) : row_(row), proc_(proc) {}

  std::vector<JobProcess> find() {
    for (const store::JobRankRow& rank : row_.ranks) {
      if (rank.pid > 0 && holders::start_of(proc_, static_cast<std::uint32_t>(rank.pid)) ==
                              static_cast<std::uint64_t>(rank.start_ticks)) {
        add(static_cast<std::uint64_t>(rank.pid));
      }
    }
    for (const std::uint32_t pid : JobCgroup::members(row_.cgroup)) {
      add(pid);
    }
    add_marked();
    std::vector<JobProcess> out;
    for (auto& [pid, process] : found_) {
      out.push_back(std::move(process));
    }
    return out;
  }

 private:
  void add(std::uint64_t number) {
    const auto pid = static_cast<std::uint32_t>(number);
    const auto start = holders::start_of(proc_, pid);
    const bool ours =
        pid == static_cast<std::uint32_t>(::getpid()) ||
        (pid == row_.supervisor_pid && start == static_cast<std::uint64_t>(row_.supervisor_start));
    if (!start || ours || found_.contains(pid)) {
      return;
    }
    found_[pid] = {
        pid, *start, ::getpgid(static_cast<pid_t>(pid)), holders::read_process(proc_, pid).name};
  }

  // Environments of this user's processes; those of others cannot be read, and are not the job's.
  void add_marked() {
    const std::string marked = fmt::format("{}={}", kJobMark, job_mark(row_));
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(proc_.c_str()), ::closedir);
    if (!folder) {
      return;
    }
    const std::uint32_t uid = ::geteuid();
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = ::readdir(folder.get())) {
      const auto pid = base::parse_decimal(entry->d_name, kLastPid);

      struct stat info {};

      if (!pid || ::fstatat(::dirfd(folder.get()), entry->d_name, &info, 0) != 0 ||
          info.st_uid != uid) {
        continue;
      }
      const auto text =
          base::read_file(fmt::format("{}/{}/environ", proc_, *pid), kMostEnvironment);
      if (text && has_entry(*text, marked)) {
        add(*pid);
      }
    }
  }

  static bool has_entry(const std::string& environment, const std::string& wanted) {
    const std::vector<std::string> entries = base::split(environment, '\0');
    return std::find(entries.begin(), entries.end(), wanted) != entries.end();
  }

  const store::JobRow& row_;
  const std::string& proc_;
  std::map<std::uint32_t, JobProcess> found_;
};

}  // namespace

std::string job_mark(const store::JobRow& row) {
  return fmt::format("{}-{}", row.supervisor_pid, row.supervisor_start);
}

std::vector<JobProcess> processes_of_job(const store::JobRow& row, const std::string& proc) {
  return ProcessSearch(row, proc).find();
}

bool signal_job_process(const JobProcess& process, int signal, const std::string& proc) {
  const base::Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd.valid() || holders::start_of(proc, process.pid) != process.start_ticks) {
    return true;
  }
  return ::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) == 0 || errno == ESRCH;
}

std::string names_of(const std::vector<JobProcess>& processes) {
  std::vector<std::string> names;
  for (const JobProcess& process : processes) {
    if (names.size() == kMostNamed) {
      names.push_back(fmt::format("{} more", processes.size() - kMostNamed));
      break;
    }
    names.push_back(process.name.empty() ? fmt::format("pid {}", process.pid)
                                         : fmt::format("pid {} ({})", process.pid, process.name));
  }
  return base::join(names, ", ");
}

}  // namespace mig::launch
