// SPDX-License-Identifier: Apache-2.0
#include "holders/instance_users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "holders/nodes.h"
#include "holders/process_facts.h"

namespace mig::holders {
namespace {

constexpr std::size_t kStatusFile = 64U << 10U;

class UserFinder {
 public:
  UserFinder(const Inventory& inventory,
             const Roots& roots,
             const std::optional<std::set<std::uint32_t>>& uids)
      : inventory_(inventory), roots_(roots), uids_(uids), nodes_(roots) {}

  std::vector<InstanceUser> find() {
    add_driver_lists();
    add_descriptors();
    return std::move(users_);
  }

 private:
  void add(std::uint32_t pid, const std::string& uuid) {
    const bool known = std::any_of(users_.begin(), users_.end(), [&](const InstanceUser& user) {
      return user.pid == pid && user.uuid == uuid;
    });
    const auto uid = known ? std::nullopt : real_uid(roots_.proc, pid);
    const auto start = uid ? start_of(roots_.proc, pid) : std::nullopt;
    if (!start || (uids_ && !uids_->contains(*uid))) {
      return;
    }
    users_.push_back({pid, *start, *uid, read_process(roots_.proc, pid).name, uuid});
  }

  void add_driver_lists() {
    for (const Gpu& gpu : inventory_.gpus) {
      for (const Process& process : gpu.processes) {
        if (!process.gpu_instance) {
          continue;  // on no instance, as a display, or on one that the driver does not tell
        }
        const GpuInstance* instance = gpu.find_instance(*process.gpu_instance);
        if (instance == nullptr) {
          continue;
        }
        const bool only_one = instance->compute_instances.size() == 1;
        for (const ComputeInstance& compute : instance->compute_instances) {
          if (process.compute_instance == compute.id || (!process.compute_instance && only_one)) {
            add(process.pid, compute.uuid);
          }
        }
      }
    }
  }

  // UUID of the compute instance behind a node; "" for other nodes.
  std::string uuid_of(const Target& target) const {
    for (const Gpu& gpu : inventory_.gpus) {
      const GpuInstance* instance =
          target.gi && gpu.minor == target.minor ? gpu.find_instance(*target.gi) : nullptr;
      if (instance == nullptr) {
        continue;
      }
      for (const ComputeInstance& compute : instance->compute_instances) {
        if (target.ci == compute.id) {
          return compute.uuid;
        }
      }
    }
    return "";
  }

  void add_descriptors() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(roots_.proc.c_str()), ::closedir);
    if (!folder) {
      return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = ::readdir(folder.get())) {
      const auto pid = base::parse_decimal(entry->d_name, UINT32_MAX);
      if (!pid || *pid == static_cast<std::uint64_t>(::getpid())) {
        continue;
      }
      const auto number = static_cast<std::uint32_t>(*pid);
      if (may_be_users(::dirfd(folder.get()), entry->d_name, number)) {
        add_nodes_of(number);
      }
    }
  }

  // The owner of the folder in /proc tells most of a user's processes at the cost of a stat, but
  // not all: that of an undumpable process is root, and in a user namespace that namespace's root.
  bool may_be_users(int proc, const char* name, std::uint32_t pid) const {
    struct stat info {};

    if (!uids_) {
      return true;
    }
    if (::fstatat(proc, name, &info, 0) == 0 &&
        (info.st_uid == 0 || uids_->contains(info.st_uid))) {
      return true;
    }
    const auto uid = real_uid(roots_.proc, pid);
    return uid && uids_->contains(*uid);
  }

  void add_nodes_of(std::uint32_t pid) {
    const std::string path = fmt::format("{}/{}/fd", roots_.proc, pid);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) {
      return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = ::readdir(folder.get())) {
      if (entry->d_name[0] == '.') {
        continue;
      }
      // The name that the link tells says nothing (find_open), and costs more than the look itself.
      const auto node = nodes_.find_open(::dirfd(folder.get()), entry->d_name);
      if (const std::string uuid = node ? uuid_of(node->target) : ""; !uuid.empty()) {
        add(pid, uuid);
      }
    }
  }

  const Inventory& inventory_;
  const Roots& roots_;
  const std::optional<std::set<std::uint32_t>>& uids_;
  Nodes nodes_;
  std::vector<InstanceUser> users_;
};

}  // namespace

std::optional<std::uint32_t> real_uid(const std::string& proc, std::uint32_t pid) {
  const auto text = base::read_file(fmt::format("{}/{}/status", proc, pid), kStatusFile);
  constexpr std::string_view kKey = "\nUid:\t";
  const std::size_t at = text ? text->find(kKey) : std::string::npos;
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const std::size_t begin = at + kKey.size();
  const auto uid =
      base::parse_decimal(text->substr(begin, text->find('\t', begin) - begin), UINT32_MAX);
  return uid ? std::optional(static_cast<std::uint32_t>(*uid)) : std::nullopt;
}

std::vector<InstanceUser> users_of_instances(const Inventory& inventory,
                                             const Roots& roots,
                                             const std::optional<std::set<std::uint32_t>>& uids) {
  return UserFinder(inventory, roots, uids).find();
}

}  // namespace mig::holders
