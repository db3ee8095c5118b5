// SPDX-License-Identifier: Apache-2.0
#include "service/background.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "holders/instance_users.h"

namespace mig::service {
namespace {

constexpr std::size_t kMostCgroupText = 64U << 10U;
constexpr const char* kBackground = "/migctl-background";

// "/user.slice/user-1001.slice" of "/user.slice/user-1001.slice/session-3.scope/..."; "" for a path
// that ends with no session.
std::string slice_of(const std::string& path, std::uint32_t uid) {
  const std::string slice = fmt::format("/user-{}.slice", uid);
  const std::size_t at = path.find(slice + "/");
  if (at == std::string::npos) {
    return "";
  }
  const std::string below = path.substr(at + slice.size() + 1);
  const std::string unit = below.substr(0, below.find('/'));
  const bool session = unit.starts_with("session-") && unit.ends_with(".scope");
  const bool manager = unit == fmt::format("user@{}.service", uid);
  return session || manager ? path.substr(0, at + slice.size()) : "";
}

// Folder of the hierarchy of a line of /proc/PID/cgroup in which systemd keeps its units; "" for
// others.
std::string hierarchy_of(std::string_view line, const std::string& cgroups) {
  if (line.starts_with("0::")) {
    for (const std::string& root : {cgroups, cgroups + "/unified"}) {
      if (::access((root + "/cgroup.controllers").c_str(), F_OK) == 0) {
        return root;
      }
    }
    return "";
  }
  return line.find(":name=systemd:") != std::string_view::npos ? cgroups + "/systemd" : "";
}

bool move_to(const std::string& folder, std::uint32_t pid) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return false;
  }
  const base::Fd fd(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  const std::string number = fmt::format("{}", pid);
  return fd.valid() &&
         ::write(fd.get(), number.data(), number.size()) == static_cast<ssize_t>(number.size());
}

}  // namespace

bool leave_session(std::uint32_t pid, std::uint32_t uid, const SessionRoots& roots) {
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const auto text = base::read_file(fmt::format("{}/{}/cgroup", roots.proc, pid), kMostCgroupText);
  if (!process.valid() || !text || holders::real_uid(roots.proc, pid) != uid) {
    return false;
  }
  bool moved = false;
  for (const std::string& line : base::split(*text, '\n')) {
    const std::string root = hierarchy_of(line, roots.cgroups);
    const std::size_t path = line.find(":/");
    const std::string slice =
        root.empty() || path == std::string::npos ? "" : slice_of(line.substr(path + 1), uid);
    // While the pidfd shows it alive, the number is of no other process.
    if (!slice.empty() && ::syscall(SYS_pidfd_send_signal, process.get(), 0, nullptr, 0) == 0) {
      moved = move_to(root + slice + kBackground, pid) || moved;
    }
  }
  return moved;
}

}  // namespace mig::service
