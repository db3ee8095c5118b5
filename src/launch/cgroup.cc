// SPDX-License-Identifier: Apache-2.0
#include "launch/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/strings.h"

namespace mig::launch {
namespace {

constexpr std::size_t kMostText = 1U << 20U;
constexpr std::uint64_t kMostPid = 1U << 22U;  // PID_MAX_LIMIT of the kernel

// Mount point of cgroup v2; in a hybrid setup with v1 controllers it is one folder deeper.
std::string unified(const std::string& cgroups) {
  for (const std::string& root : {cgroups, cgroups + "/unified"}) {
    if (::access((root + "/cgroup.procs").c_str(), F_OK) == 0 &&
        ::access((root + "/cgroup.controllers").c_str(), F_OK) == 0) {
      return root;
    }
  }
  return "";
}

// This process's cgroup v2 path: "0::/user.slice/..." of /proc/self/cgroup.
std::string own_path(const std::string& proc) {
  const auto text = base::read_file(proc + "/self/cgroup", kMostText);
  if (!text) {
    return "";
  }
  for (const std::string& line : base::split(*text, '\n')) {
    if (line.starts_with("0::/")) {
      return line.substr(3);
    }
  }
  return "";
}

void remove_left_over(const std::string& parent, const std::string& name, const std::string& proc) {
  const std::string prefix = name.substr(0, name.rfind('-') + 1);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
    const std::string other = entry.path().filename().string();
    const auto pid = other.starts_with(prefix)
                         ? base::parse_decimal(other.substr(prefix.size()), kMostPid)
                         : std::nullopt;
    if (pid && ::access((proc + "/" + std::to_string(*pid)).c_str(), F_OK) != 0) {
      ::rmdir(entry.path().c_str());  // refused while it has members
    }
  }
}

}  // namespace

std::unique_ptr<JobCgroup> JobCgroup::make(const std::string& name,
                                           const std::string& cgroups,
                                           const std::string& proc) {
  const std::string root = unified(cgroups);
  const std::string own = own_path(proc);
  if (root.empty() || own.empty()) {
    return nullptr;
  }
  const std::string parent = root + (own == "/" ? "" : own);
  remove_left_over(parent, name, proc);
  const std::string path = parent + "/" + name;
  if (::mkdir(path.c_str(), 0755) != 0) {
    return nullptr;
  }
  auto folder = base::open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) {
    ::rmdir(path.c_str());
    return nullptr;
  }
  return std::unique_ptr<JobCgroup>(new JobCgroup(path, *std::move(folder)));
}

JobCgroup::~JobCgroup() {
  ::rmdir(path_.c_str());
}

void JobCgroup::add(int pid) const {
  const std::string number = std::to_string(pid);
  if (const auto fd = base::open_file(path_ + "/cgroup.procs", O_WRONLY)) {
    // ESRCH: the process has ended.
    [[maybe_unused]] const ssize_t written = ::write(fd->get(), number.data(), number.size());
  }
}

void JobCgroup::kill_all(const std::string& path) {
  if (const auto fd = base::open_file(path + "/cgroup.kill", O_WRONLY);
      fd && ::write(fd->get(), "1", 1) == 1) {
    return;
  }
  for (const std::uint32_t pid : members(path)) {  // kernels before 5.14, and cgroups of root's
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  }
}

void JobCgroup::end(std::chrono::milliseconds grace) const {
  constexpr std::chrono::milliseconds kBetweenLooks{10};
  constexpr std::chrono::milliseconds kAfterKill{1000};
  using Clock = std::chrono::steady_clock;
  const auto kill_at = Clock::now() + grace;
  for (const std::uint32_t pid : members(path_)) {
    ::kill(static_cast<pid_t>(pid), SIGTERM);
  }
  while (!members(path_).empty() && Clock::now() < kill_at + kAfterKill) {
    if (Clock::now() >= kill_at) {
      kill();
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::vector<std::uint32_t> JobCgroup::members(const std::string& path) {
  std::vector<std::uint32_t> out;
  const auto text = path.empty() ? Result<std::string>(std::string())
                                 : base::read_file(path + "/cgroup.procs", kMostText);
  if (text) {
    for (const std::string& line : base::split(*text, '\n')) {
      if (const auto pid = base::parse_decimal(line, kMostPid); pid && *pid > 1) {
        out.push_back(static_cast<std::uint32_t>(*pid));
      }
    }
  }
  return out;
}

}  // namespace mig::launch
