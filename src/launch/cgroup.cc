// SPDX-License-Identifier: Apache-2.0
#include "launch/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

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

}  // namespace

std::unique_ptr<JobCgroup> JobCgroup::make(const std::string& name,
                                           const std::string& cgroups,
                                           const std::string& proc) {
  const std::string root = unified(cgroups);
  const std::string own = own_path(proc);
  if (root.empty() || own.empty()) {
    return nullptr;
  }
  const std::string path = root + (own == "/" ? "" : own) + "/" + name;
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

void JobCgroup::kill_all(const std::string& path) {
  if (const auto fd = base::open_file(path + "/cgroup.kill", O_WRONLY);
      fd && ::write(fd->get(), "1", 1) == 1) {
    return;
  }
  // Fallback for kernels before 5.14, without cgroup.kill.
  const auto members = base::read_file(path + "/cgroup.procs", kMostText);
  if (!members) {
    return;
  }
  for (const std::string& line : base::split(*members, '\n')) {
    if (const auto pid = base::parse_decimal(line, kMostPid); pid && *pid > 1) {
      ::kill(static_cast<pid_t>(*pid), SIGKILL);
    }
  }
}

}  // namespace mig::launch
