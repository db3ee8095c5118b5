// SPDX-License-Identifier: Apache-2.0
#include "store/places.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/own_path.h"

namespace mig::store {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kWritableByOthers = 0022;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return value != nullptr ? value : "";
}

// Value of the variable if it is an absolute path, else "".
std::string folder_in(const char* name) {
  std::string value = variable(name);
  return value.starts_with('/') ? value : "";
}

// Folder of the surrounding `sim shell`'s machine, independent of environment variables; ""
// elsewhere.
std::string machine_of_shell() {
  std::ifstream file("/proc/driver/nvidia/migsim");
  std::string dir;
  std::getline(file, dir);
  return dir;
}

// A folder in a shared place such as /tmp is used only if this user owns it: another owner could
// replace the locks in it.
Result<void> make_own_dir(const std::string& path, mode_t mode, std::uint32_t uid) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return base::errno_error("make the folder", path, errno);
  }

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return base::errno_error("look at", path, errno);
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != uid) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} is not a folder of ours", path),
                "remove it, or set XDG_RUNTIME_DIR to a folder of yours");
  }
  if ((info.st_mode & kWritableByOthers) != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("others can write to {}, and exchange the locks in it", path),
                fmt::format("chmod {:o} {}", mode, path));
  }
  return {};
}

// FNV-1a: the same number for the same text in every process and version.
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// True when only the owner can create a socket in the folder.
bool is_private_folder(const std::string& path, std::uint32_t uid) {
  struct stat info {};

  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == uid &&
         (info.st_mode & kWritableByOthers) == 0;
}

std::string user_state(const Surroundings& around) {
  const std::string home = around.home.starts_with('/') ? around.home : "";
  return (around.state_home.starts_with('/') ? around.state_home : home + "/.local/state") +
         "/migctl";
}

// True for a finished machine: while `sim create` runs, its folder has a name that begins with a
// dot.
bool is_machine(const fs::path& dir) {
  std::error_code error;
  return !dir.filename().string().starts_with('.') && fs::exists(dir / "machine.state", error);
}

}  // namespace

std::string MachineId::name() const {
  std::string_view dir = simulated_dir;
  while (dir.size() > 1 && dir.ends_with('/')) {
    dir.remove_suffix(1);
  }
  return std::string(dir.substr(dir.rfind('/') + 1));
}

Surroundings Surroundings::ours() {
  Surroundings around;
  around.uid = ::geteuid();
  around.state_dir = folder_in("MIGCTL_STATE_DIR");
  around.state_home = variable("XDG_STATE_HOME");
  around.runtime_home = folder_in("XDG_RUNTIME_DIR");
  around.home = variable("HOME");
  around.machines = variable("MIGSIM_ROOT");
  around.socket = variable("MIGCTL_SOCKET");
  around.tenants = variable("MIGCTL_TENANTS");
  around.machine = variable("MIGSIM_MACHINE");
  around.shell_machine = machine_of_shell();
  return around;
}

std::string Places::journal() const {
  if (machine_.simulated()) {
    return around_.state_dir.empty()
               ? machine_.simulated_dir + "/journal.db"
               : fmt::format("{}/sim-{}.db", around_.state_dir, machine_.name());
  }
  if (!around_.state_dir.empty()) {
    return around_.state_dir + "/journal.db";
  }
  if (around_.uid == 0) {
    return around_.root + "/var/lib/migctl/journal.db";
  }
  return user_state(around_) + "/journal.db";
}

std::string Places::slots() const {
  return store::beside_journal(journal(), "slots");
}

std::string Places::leases() const {
  return store::beside_journal(journal(), "leases");
}

std::string Places::jobs() const {
  const std::string journal_path = journal();
  const std::string folder = journal_path.substr(0, journal_path.rfind('/'));
  const std::string named = machine_.simulated() ? "sim-" + machine_.name() : "local";

  struct stat info {};

  // Root may write into the folder of another user's simulated machine, but keeps its jobs
  // elsewhere.
  const bool own =
      ::stat(folder.c_str(), &info) != 0 ? around_.uid == 0 : info.st_uid == around_.uid;
  if (!own) {
    return user_state(around_) + "/jobs/" + named;
  }
  const bool shared = machine_.simulated() && !around_.state_dir.empty();
  return folder + (shared ? "/jobs-" + named : "/jobs");
}

std::string Places::machine_runtime_dir() const {
  return machine_.simulated() ? machine_.simulated_dir + "/run" : around_.root + "/run/migctl";
}

std::string Places::user_runtime_dir() const {
  return around_.runtime_home.empty() ? fmt::format("{}/tmp/migctl-{}", around_.root, around_.uid)
                                      : around_.runtime_home + "/migctl";
}

std::string Places::socket_in_user_runtime_dir() const {
  return user_runtime_dir() +
         (machine_.simulated() ? "/migd-" + machine_.name() + ".sock" : "/migd.sock");
}

Result<std::string> Places::runtime_dir() const {
  std::string dir = machine_runtime_dir();
  if (machine_.simulated()) {
    if ((::mkdir(dir.c_str(), 0755) == 0 || errno == EEXIST) && ::access(dir.c_str(), W_OK) == 0) {
      return dir;
    }
  } else if (around_.uid == 0) {
    MIG_TRY(make_own_dir(dir, 0755, around_.uid));
    return dir;
  }
  dir = user_runtime_dir();
  MIG_TRY(make_own_dir(dir, 0700, around_.uid));
  return dir;
}

Result<std::string> Places::claims() const {
  MIG_ASSIGN_OR_RETURN(const std::string dir, runtime_dir());
  if (!machine_.simulated() || dir == machine_runtime_dir()) {
    return dir + "/claims";
  }
  // All machines share the user's runtime folder, and two simulated ones may have instances of the
  // same UUID, or the same name below two roots.
  std::error_code ignored;
  const fs::path folder = fs::weakly_canonical(machine_.simulated_dir + "/.", ignored);
  return fmt::format("{}/claims-{}-{:016x}", dir, machine_.name(), fnv1a(folder.string()));
}

Result<std::string> Places::writer_lock() const {
  MIG_ASSIGN_OR_RETURN(const std::string dir, runtime_dir());
  return dir + "/writer.lock";
}

Result<std::string> Places::daemon_socket() const {
  if (!around_.socket.empty()) {
    return around_.socket;
  }
  MIG_ASSIGN_OR_RETURN(const std::string dir, runtime_dir());
  return dir == machine_runtime_dir() ? dir + "/migd.sock" : socket_in_user_runtime_dir();
}

std::vector<std::string> Places::daemon_sockets() const {
  if (!around_.socket.empty()) {
    return {around_.socket};
  }
  std::vector<std::string> sockets;

  // Whoever owns the folder is the daemon: root asks no other user's.
  struct stat info {};

  const bool foreign = around_.uid == 0 && machine_.simulated() &&
                       ::stat(machine_runtime_dir().c_str(), &info) == 0 &&
                       !base::is_trusted(info.st_uid);
  if (!foreign) {
    sockets.push_back(machine_runtime_dir() + "/migd.sock");
  }
  if (is_private_folder(user_runtime_dir(), around_.uid)) {
    sockets.push_back(socket_in_user_runtime_dir());
  }
  return sockets;
}

std::string beside_journal(const std::string& journal, const char* what) {
  const std::string folder = journal.substr(0, journal.rfind('/') + 1);
  const std::string file = journal.substr(folder.size());
  return file == "journal.db" ? folder + what + ".db"
                              : folder + file.substr(0, file.rfind('.')) + "-" + what + ".db";
}

std::string tenants_file(const std::string& chosen, const Surroundings& around) {
  if (!chosen.empty()) {
    return chosen;
  }
  return around.tenants.empty() ? around.root + "/etc/migctl/tenants.yaml" : around.tenants;
}

std::string machines_root(const Surroundings& around) {
  if (!around.machines.empty()) {
    return around.machines;
  }
  if (!around.shell_machine.empty()) {
    return fs::path(around.shell_machine).parent_path().string();
  }
  if (around.uid == 0) {
    return around.root + "/var/lib/migctl/sim";
  }
  if (!around.state_home.empty()) {
    return around.state_home + "/migctl/sim";
  }
  return around.home + "/.local/state/migctl/sim";
}

std::vector<std::string> machine_names(const std::string& root) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_machine(entry->path())) {
      names.push_back(entry->path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

MachineId machine_named(const std::string& name, const Surroundings& around) {
  return {name.find('/') == std::string::npos ? machines_root(around) + "/" + name : name};
}

bool driver_is_there(const Surroundings& around) {
  const auto there = [&](const char* path) {
    return ::access((around.root + path).c_str(), F_OK) == 0;
  };
  return there("/dev/nvidiactl") || there("/proc/driver/nvidia/version");
}

std::optional<MachineId> machine_of_unnamed(const Surroundings& around) {
  if (!around.shell_machine.empty()) {
    const bool another = !around.machine.empty() && around.machine != around.shell_machine;
    return another ? std::nullopt : std::optional(MachineId{around.shell_machine});
  }
  if (driver_is_there(around)) {
    // `sim env` selects a simulated machine by this variable and a library: only the dynamic loader
    // knows which library it takes.
    return around.machine.empty() ? std::optional(MachineId{}) : std::nullopt;
  }
  if (!around.machine.empty()) {
    return MachineId{around.machine};
  }
  const std::string root = machines_root(around);
  const std::vector<std::string> names = machine_names(root);
  return names.size() == 1 ? std::optional(MachineId{root + "/" + names.front()}) : std::nullopt;
}

}  // namespace mig::store
