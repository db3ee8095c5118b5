// SPDX-License-Identifier: Apache-2.0
#include "apply/runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "base/fd.h"

namespace mig::apply {
namespace {

// Folders in shared places are taken only when they are ours, or somebody else could swap locks.
Result<void> make_own_dir(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return base::errno_error("make the folder", path, errno);
  }

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return base::errno_error("look at", path, errno);
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} is not a folder of ours", path),
                "remove it, or set XDG_RUNTIME_DIR to a folder of yours");
  }
  return {};
}

// "" unless it is an absolute path.
std::string folder_in(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && *value == '/' ? value : "";
}

std::string user_state() {
  const std::string state = folder_in("XDG_STATE_HOME");
  return (state.empty() ? folder_in("HOME") + "/.local/state" : state) + "/migctl";
}

}  // namespace

Result<std::string> runtime_dir(const nvml::Session& session) {
  if (session.simulated()) {
    const std::string machine = session.control()->machine_dir;
    std::string dir = machine + "/run";
    if ((::mkdir(dir.c_str(), 0755) == 0 || errno == EEXIST) && ::access(dir.c_str(), W_OK) == 0) {
      return dir;
    }
  } else if (::geteuid() == 0) {
    std::string dir = "/run/migctl";
    MIG_TRY(make_own_dir(dir, 0755));
    return dir;
  }
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  std::string dir = runtime != nullptr && *runtime == '/'
                        ? std::string(runtime) + "/migctl"
                        : fmt::format("/tmp/migctl-{}", ::geteuid());
  MIG_TRY(make_own_dir(dir, 0700));
  return dir;
}

std::string journal_path(const nvml::Session& session) {
  const std::string chosen = folder_in("MIGCTL_STATE_DIR");
  if (session.simulated()) {
    const migsim_control& control = *session.control();
    return chosen.empty() ? std::string(control.machine_dir) + "/journal.db"
                          : fmt::format("{}/sim-{}.db", chosen, control.machine_name);
  }
  if (!chosen.empty()) {
    return chosen + "/journal.db";
  }
  if (::geteuid() == 0) {
    return "/var/lib/migctl/journal.db";
  }
  return user_state() + "/journal.db";
}

std::string lease_store_path(const nvml::Session& session) {
  const std::string journal = journal_path(session);
  const std::string folder = journal.substr(0, journal.rfind('/') + 1);
  const std::string file = journal.substr(folder.size());
  return file == "journal.db" ? folder + "leases.db"
                              : folder + file.substr(0, file.rfind('.')) + "-leases.db";
}

std::string jobs_dir(const nvml::Session& session) {
  const std::string journal = journal_path(session);
  const std::string folder = journal.substr(0, journal.rfind('/'));
  const std::string named =
      session.simulated() ? fmt::format("sim-{}", session.control()->machine_name) : "local";

  struct stat info {};

  // A machine's own folder is its owner's; root may write everywhere, but keeps its jobs there too.
  const bool ours =
      ::stat(folder.c_str(), &info) != 0 ? ::geteuid() == 0 : info.st_uid == ::geteuid();
  if (!ours) {
    return user_state() + "/jobs/" + named;
  }
  const bool shared = session.simulated() && !folder_in("MIGCTL_STATE_DIR").empty();
  return folder + (shared ? "/jobs-" + named : "/jobs");
}

Result<base::FileLock> lock_writer(const std::string& path,
                                   base::Clock& clock,
                                   const std::string& doing) {
  auto lock = base::FileLock::acquire(path, std::chrono::milliseconds(0), clock, doing);
  if (lock || lock.error().code != ErrorCode::kConflict) {
    return lock;
  }
  Error held = std::move(lock).error().in("another change of this machine is under way");
  held.hint = "wait until it is done, or let this command wait for it: --wait 10m";
  return held;
}

}  // namespace mig::apply
