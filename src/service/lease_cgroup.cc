// SPDX-License-Identifier: Apache-2.0
#include "service/lease_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "holders/container.h"
#include "holders/process_facts.h"
#include "service/cgroup_folder.h"

namespace mig::service {
namespace {

namespace fs = std::filesystem;
using cgroup::is_there;
using cgroup::write_control;

constexpr std::size_t kMostText = 16U << 20U;
constexpr std::string_view kOurs = "/migctl/";
constexpr std::string_view kOurSlice = "/migctl.slice/";
// Below the mount point of all, best first: v2 alone, v2 beside v1, v1.
constexpr std::array<const char*, 5> kHierarchies = {
    "", "/unified", "/freezer", "/pids", "/systemd"};

// Errors of mkdir(2) where no cgroups can be made at all, as opposed to a limit that was reached.
bool means_unavailable(int number) {
  return number == EACCES || number == EPERM || number == EROFS || number == ENOENT ||
         number == ENOTDIR || number == ENOTSUP;
}

// 64-bit FNV-1a: a name that is the same in every process.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// Path below the root of the hierarchy, "/migctl/node/lease-12"; "" for a path that is none of
// ours.
std::string below_root(const std::string& path) {
  const std::size_t at = std::min(path.find(kOurs), path.find(kOurSlice));
  return at == std::string::npos ? "" : path.substr(at);
}

// The cgroup of the same name in the v1 hierarchy of the pids controller, beside the hierarchy of
// `path`; "" where there is none.
std::string pids_twin(const std::string& path) {
  const std::string below = below_root(path);
  const std::string root = path.substr(0, path.size() - below.size());
  const std::size_t slash = root.rfind('/');
  if (below.empty() || slash == std::string::npos) {
    return "";
  }
  const std::string pids = root.substr(0, slash) + "/pids";
  return pids == root || !is_there(pids + "/cgroup.procs") ? "" : pids + below;
}

// With cgroup v1 an engine makes folders in each hierarchy, not only in those that we use.
std::vector<std::string> every_hierarchy(const std::string& cgroups) {
  std::vector<std::string> out = {cgroups};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cgroups, error)) {
    std::error_code ignored;
    const std::string root = entry.path().string();
    const bool used =
        is_there(root + std::string(kOurs)) || is_there(root + std::string(kOurSlice));
    if (used && entry.is_directory(ignored)) {
      out.push_back(root);
    }
  }
  return out;
}

// The folder in every hierarchy: with cgroup v1 an engine makes one in each. What systemd made it
// removes.
void remove_for_containers(const std::string& path) {
  const std::string below = below_root(path);
  if (!below.starts_with(kOurs)) {
    return;
  }
  const std::string root = path.substr(0, path.size() - below.size());
  std::vector<std::string> roots = {root};
  if (!is_there(root + "/cgroup.controllers")) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root.substr(0, root.rfind('/')), error)) {
      std::error_code ignored;
      if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
        roots.push_back(entry.path().string());
      }
    }
  }
  for (const std::string& one : roots) {
    cgroup::remove_tree(one + below, 0);
    ::rmdir((one + below.substr(0, below.rfind('/'))).c_str());  // the machine's, when it is empty
  }
}

}  // namespace

LeaseCgroups::LeaseCgroups(const store::MachineId& machine, Roots roots)
    : machine_(machine.simulated() ? fmt::format("sim-{}-{:08x}",
                                                 machine.name(),
                                                 hash_of(machine.simulated_dir) & 0xffffffffU)
                                   : std::string("node")),
      roots_(std::move(roots)) {}

Result<std::string> LeaseCgroups::make(std::int64_t lease) const {
  std::optional<Error> failure;
  for (const char* hierarchy : kHierarchies) {
    const std::string root = roots_.cgroups + hierarchy;
    if (!is_there(root + "/cgroup.procs")) {
      continue;
    }
    auto made = make_below(root, fmt::format("lease-{}", lease));
    if (made && !made->empty()) {
      limit_tasks(root, *made);
      return made;
    }
    if (!made && !failure) {
      failure = std::move(made).error();
    }
  }
  if (failure) {
    return *std::move(failure);
  }
  return std::string();
}

Result<std::string> LeaseCgroups::make_named(const std::string& folder, const std::string& wanted) {
  constexpr int kNames = 10;
  // The number of a lease may have been used by a lost store, whose processes go on.
  for (int name = 0; name < kNames; ++name) {
    std::string path = name == 0 ? fmt::format("{}/{}", folder, wanted)
                                 : fmt::format("{}/{}.{}", folder, wanted, name);
    const int refused = ::mkdir(path.c_str(), 0755) == 0 ? 0 : errno;
    if (refused == 0 || (refused == EEXIST && !populated(path))) {
      return path;
    }
    if (refused == ENOENT) {
      break;
    }
    if (refused != EEXIST) {
      return base::errno_error("make the cgroup", path, refused);
    }
  }
  return std::string();
}

Result<std::string> LeaseCgroups::make_below(const std::string& root,
                                             const std::string& name) const {
  constexpr int kTries = 3;  // remove() of another process takes the machine's empty folder
  const std::string ours = root + "/migctl";
  const std::string folder = ours + "/" + machine_;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    for (const std::string& path : {ours, folder}) {
      if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST && means_unavailable(errno)) {
        return std::string();
      }
    }
    MIG_ASSIGN_OR_RETURN(const std::string path, make_named(folder, name));
    if (!path.empty()) {
      return path;
    }
  }
  return fail(ErrorCode::kIo,
              fmt::format("cannot make the cgroup {} below {}", name, folder),
              "cgroups of an earlier store are there, with processes: systemd-cgls shows them");
}

// One part of a slice's name: there "-" leads to the slice above it.
std::string LeaseCgroups::slice() const {
  std::string name = machine_;
  std::replace_if(
      name.begin(),
      name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.'; },
      '_');
  return name;
}

Result<std::string> LeaseCgroups::make_for_containers(std::int64_t lease,
                                                      const lease::ContainerCgroups& how,
                                                      std::uint32_t uid) const {
  // Runtimes use no v2 hierarchy beside v1's.
  constexpr std::array<const char*, 4> kOfEngines = {"", "/freezer", "/pids", "/systemd"};
  const std::string name = slice();
  for (const char* hierarchy : kOfEngines) {
    const std::string root = roots_.cgroups + hierarchy;
    if (!is_there(root + "/cgroup.procs")) {
      continue;
    }
    if (how.systemd) {
      const std::string manager =
          how.of_user ? fmt::format("/user.slice/user-{0}.slice/user@{0}.service", uid) : "";
      return fmt::format("{0}{1}{2}migctl-{3}.slice/migctl-{3}-lease{4}.slice",
                         root,
                         manager,
                         kOurSlice,
                         name,
                         lease);
    }
    auto made = make_below(root, fmt::format("containers-{}", lease));
    if (!made || !made->empty()) {
      return made;
    }
  }
  return std::string();
}

std::vector<std::pair<std::int64_t, std::string>> LeaseCgroups::all_for_containers() const {
  std::vector<std::string> folders;
  for (const std::string& root : every_hierarchy(roots_.cgroups)) {
    folders.push_back(root + std::string(kOurs) + machine_);
    folders.push_back(fmt::format("{}{}migctl-{}.slice", root, kOurSlice, slice()));
  }
  std::vector<std::pair<std::int64_t, std::string>> out;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      std::string name = entry.path().filename().string();
      if (!holders::is_containers_cgroup(name)) {
        continue;
      }
      name = name.substr(0, name.find('.'));  // ".slice", or the number of a second folder
      const std::size_t digits = name.find_last_not_of("0123456789") + 1;
      if (const auto lease = base::parse_decimal(name.substr(digits), INT64_MAX)) {
        out.emplace_back(static_cast<std::int64_t>(*lease), entry.path().string());
      }
    }
  }
  return out;
}

// Bounds the tasks of a lease as systemd bounds those of a service (DefaultTasksMax=15%).
void LeaseCgroups::limit_tasks(const std::string& root, const std::string& path) const {
  constexpr std::uint64_t kLeast = 1024;
  constexpr std::uint64_t kPercent = 15;
  const std::uint64_t most =
      std::min(cgroup::number_in(roots_.proc + "/sys/kernel/pid_max", 32768),
               cgroup::number_in(roots_.proc + "/sys/kernel/threads-max", 32768));
  const std::string limit = fmt::format("{}", std::max(kLeast, most * kPercent / 100));
  if (const std::string twin = pids_twin(path); !twin.empty()) {
    std::error_code error;
    fs::create_directories(twin, error);
    static_cast<void>(write_control(twin + "/pids.max", limit));
    return;
  }
  if (!is_there(path + "/pids.max")) {
    for (const std::string& parent : {root, root + "/migctl", root + "/migctl/" + machine_}) {
      static_cast<void>(write_control(parent + "/cgroup.subtree_control", "+pids"));
    }
  }
  static_cast<void>(write_control(path + "/pids.max", limit));
}

Result<void> LeaseCgroups::place(const std::string& path, const lease::LeaseHolder& process) const {
  const Error ended{ErrorCode::kNotFound,
                    fmt::format("there is no process {} to place", process.pid),
                    "it may have ended meanwhile",
                    {},
                    {}};
  const base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd.valid() || holders::start_of(roots_.proc, process.pid) != process.start_ticks) {
    return ended;
  }
  const std::string number = fmt::format("{}", process.pid);
  if (const std::string twin = pids_twin(path); !twin.empty() && is_there(twin)) {
    static_cast<void>(write_control(twin + "/cgroup.procs", number));
  }
  const int refused = write_control(path + "/cgroup.procs", number);
  // Race: the pid may have been used again. Until it is waited for, even an ended process keeps it.
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) != 0) {
    const std::string root = path.substr(0, path.size() - below_root(path).size());
    static_cast<void>(write_control(root + "/cgroup.procs", number));
    return ended;
  }
  if (refused == ESRCH) {
    return ended;
  }
  if (refused != 0) {
    return base::errno_error(fmt::format("move process {} into", process.pid), path, refused);
  }
  return {};
}

std::vector<std::uint32_t> LeaseCgroups::members(const std::string& path) {
  std::vector<std::uint32_t> out;
  if (holders::is_containers_cgroup(path)) {
    for (const std::string& container : holders::container_cgroups(path)) {
      cgroup::add_members(container, 0, out);
    }
  } else if (!below_root(path).empty()) {
    cgroup::add_members(path, 0, out);
  }
  return out;
}

bool LeaseCgroups::populated(const std::string& path) {
  if (path.empty()) {
    return false;
  }
  if (holders::is_containers_cgroup(path)) {
    return holders::containers_live(path);
  }
  if (const auto events = base::read_file(path + "/cgroup.events", kMostText)) {
    return events->find("populated 1") != std::string::npos;
  }
  const std::vector<std::uint32_t> all = members(path);
  return std::any_of(all.begin(), all.end(), [](std::uint32_t pid) {
    return holders::start_of(base::proc_root(), pid).has_value();  // v1 lists zombies too
  });
}

bool LeaseCgroups::exists(const std::string& path) {
  return !path.empty() && is_there(path + "/cgroup.procs");
}

bool LeaseCgroups::contains(const std::string& path, std::uint32_t pid) const {
  if (!in_one_of_that_name(path, pid)) {
    return false;
  }
  const std::vector<std::uint32_t> all = members(path);
  return std::find(all.begin(), all.end(), pid) != all.end();
}

// Cheap, and no proof: who may make cgroups of his own may give them any name.
bool LeaseCgroups::in_one_of_that_name(const std::string& path, std::uint32_t pid) const {
  const std::string below = below_root(path);
  const auto text = base::read_file(fmt::format("{}/{}/cgroup", roots_.proc, pid), kMostText);
  if (below.empty() || !text) {
    return false;
  }
  const std::vector<std::string> lines = base::split(*text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.ends_with(below) || line.find(below + "/") != std::string::npos;
  });
}

void LeaseCgroups::signal(const std::string& path, int signal) const {
  for (const std::uint32_t pid : members(path)) {
    // The pid may be used again between the reading of the members and here: the descriptor holds
    // one process, whose membership is then certain.
    const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process.valid() && in_one_of_that_name(path, pid)) {
      static_cast<void>(::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0));
    }
  }
}

void LeaseCgroups::kill(const std::string& path) const {
  constexpr int kMostRounds = 50;
  if (holders::is_containers_cgroup(path)) {
    for (const std::string& container : holders::container_cgroups(path)) {
      kill(container);
    }
    return;
  }
  // No more forks, where the controller is there.
  const std::string twin = pids_twin(path);
  static_cast<void>(write_control((twin.empty() ? path : twin) + "/pids.max", "0"));
  if (write_control(path + "/cgroup.kill", "1") == 0) {
    return;
  }
  const bool frozen = cgroup::set_frozen(path, true);
  std::set<std::uint32_t> killed;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<std::uint32_t> now = members(path);
    const bool all_known = std::all_of(
        now.begin(), now.end(), [&](std::uint32_t pid) { return killed.contains(pid); });
    if (all_known) {
      break;
    }
    signal(path, SIGKILL);
    killed.insert(now.begin(), now.end());
  }
  if (frozen) {
    static_cast<void>(cgroup::set_frozen(path, false));
  }
}

void LeaseCgroups::remove(const std::string& path) {
  if (below_root(path).empty()) {
    return;
  }
  if (holders::is_containers_cgroup(path)) {
    return remove_for_containers(path);
  }
  for (const std::string& folder : {path, pids_twin(path)}) {
    if (!folder.empty()) {
      cgroup::remove_tree(folder, 0);
      ::rmdir(folder.substr(0, folder.rfind('/')).c_str());  // the machine's, when it is empty
    }
  }
}

void LeaseCgroups::remove_empty() const {
  for (const std::string& root : every_hierarchy(roots_.cgroups)) {
    const std::string folder = root + std::string(kOurs) + machine_;
    std::vector<std::string> leases;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      std::error_code ignored;
      if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
        leases.push_back(entry.path().string());
      }
    }
    for (const std::string& lease : leases) {
      cgroup::remove_tree(lease, 0);  // refused by the kernel while a process is in it
    }
    ::rmdir(folder.c_str());
  }
}

void remove_lease_cgroups_of(const std::string& simulated_machine) {
  const store::MachineId machine =
      store::machine_named(simulated_machine, store::Surroundings::ours());
  if (machine.simulated() && !is_there(machine.simulated_dir)) {
    LeaseCgroups(machine, {}).remove_empty();
  }
}

}  // namespace mig::service
