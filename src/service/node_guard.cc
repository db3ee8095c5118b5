// SPDX-License-Identifier: Apache-2.0
#include "service/node_guard.h"

#include <fcntl.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <acl/libacl.h>
#include <dirent.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/process_start.h"
#include "base/strings.h"
#include "lease/lease.h"
#include "service/capability_files.h"
#include "service/lease_desk.h"
#include "service/run_job.h"

namespace mig::service {
namespace {

constexpr mode_t kAsTheDriver = 0444;
constexpr std::size_t kMinorsFile = 1U << 20U;
constexpr std::size_t kMark = 256;
constexpr std::string_view kNodeName = "nvidia-cap";

struct FreeAcl {
  void operator()(void* acl) const { ::acl_free(acl); }
};

using Acl = std::unique_ptr<std::remove_pointer_t<acl_t>, FreeAcl>;

std::string acl_text(const std::set<std::uint32_t>& users) {
  std::string text = "u::r,g::-,o::-";
  for (const std::uint32_t uid : users) {
    text += fmt::format(",u:{}:r", uid);
  }
  return users.empty() ? text : text + ",m::r";
}

Error cannot(const char* what, const std::string& node, int number) {
  return Error{number == EPERM || number == EACCES ? ErrorCode::kPermission
               : number == EOPNOTSUPP              ? ErrorCode::kNotSupported
                                                   : ErrorCode::kIo,
               fmt::format("cannot {} {}: {}", what, node, std::generic_category().message(number)),
               "serve with --guard-nodes=off, or as the owner of the nodes on a file system with "
               "access lists",
               {},
               {}};
}

// libacl needs a path: the descriptor's, which is no link that anybody could have put there.
std::string path_of(const base::Fd& node) {
  return fmt::format("/proc/self/fd/{}", node.get());
}

// Sets the access list of the node `name` in `folder`; `wanted` by descriptor, so that no link is
// followed. Reads first: nearly always nothing has changed. A node that is gone needs none.
Result<void> set_access(const base::Fd& folder, const std::string& name, const Acl& wanted) {
  const base::Fd node(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!node.valid() && errno == ENOENT) {
    return {};
  }

  struct stat info {};

  if (!wanted || !node.valid() || ::fstat(node.get(), &info) != 0) {
    return cannot("look at", name, errno);
  }
  // A simulated machine's nodes are files.
  if ((!S_ISCHR(info.st_mode) && !S_ISREG(info.st_mode)) || info.st_nlink > 1) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} is no device node: a link, or a file with several names", name));
  }
  const std::string path = path_of(node);
  const Acl there(::acl_get_file(path.c_str(), ACL_TYPE_ACCESS));
  if (!there) {
    return cannot("read the access list of", name, errno);
  }
  if (::acl_cmp(wanted.get(), there.get()) == 0) {
    return {};
  }
  if (::acl_set_file(path.c_str(), ACL_TYPE_ACCESS, wanted.get()) != 0) {
    return cannot("set the access list of", name, errno);
  }
  return {};
}

std::string mark_of(const node::Node& node) {
  return node.places().leases() + ".guarded";
}

bool is_guarded(const node::Node& node) {
  const auto mark = base::read_file(mark_of(node), kMark);
  return mark && *mark == base::boot_id(base::proc_root());
}

}  // namespace

NodeGuard::Users NodeGuard::users_of_nodes(const Inventory& now,
                                           const std::vector<lease::Lease>& leases) const {
  std::map<std::string, std::set<std::uint32_t>> tenants;  // uids by instance
  for (const lease::Lease& lease : leases) {
    // A lease that is over gives no access: what runs has its nodes open.
    if (lease.uid != 0 && lease.ending.empty()) {
      tenants[lease.instance.uuid].insert(lease.uid);
    }
  }
  Users users;
  for (const std::string& node : all_nodes()) {
    users[node];  // of no instance: root only
  }
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (gpu.minor) {
          add_nodes(*gpu.minor, instance.id, compute.id, tenants[compute.uuid], users);
        }
      }
    }
  }
  return users;
}

void NodeGuard::add_nodes(std::uint32_t gpu_minor,
                          GpuInstanceId gi,
                          ComputeInstanceId ci,
                          const std::set<std::uint32_t>& tenants,
                          Users& users) const {
  const auto nodes = launch::capability_nodes(roots_, gpu_minor, gi, ci);
  if (!nodes) {
    return;
  }
  // Compute instances share the node of their GPU instance.
  for (const std::string& node : {nodes->gi, nodes->ci}) {
    users[node].insert(tenants.begin(), tenants.end());
  }
}

Result<base::Fd> NodeGuard::folder() const {
  const std::string path = roots_.dev + "/nvidia-caps";
  base::Fd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid() && (errno == ENOTDIR || errno == ELOOP)) {
    return fail(ErrorCode::kPermission, path + " is no folder: a link, or a file");
  }
  if (!folder.valid()) {
    return base::errno_error("open", path, errno);
  }
  return folder;
}

std::vector<std::string> NodeGuard::all_nodes() const {
  std::vector<std::string> nodes;
  const auto text =
      base::read_file(roots_.driver_proc + "/driver/nvidia-caps/mig-minors", kMinorsFile);
  if (!text) {
    return nodes;
  }
  std::set<std::string> of_instances;  // not the nodes "config" and "monitor"
  for (const std::string& line : base::split(*text, '\n')) {
    if (line.starts_with("gpu") && line.find("/gi") != std::string::npos) {
      of_instances.insert(std::string(kNodeName) + line.substr(line.rfind(' ') + 1));
    }
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(
      ::opendir((roots_.dev + "/nvidia-caps").c_str()), ::closedir);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    if (of_instances.contains(entry->d_name)) {
      nodes.emplace_back(entry->d_name);
    }
  }
  return nodes;
}

std::int64_t NodeGuard::nodes_changed() const {
  struct stat info {};

  return ::stat((roots_.dev + "/nvidia-caps").c_str(), &info) == 0
             ? info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec
             : 0;
}

Result<void> NodeGuard::keep(const Inventory& now, const std::vector<lease::Lease>& leases) const {
  const auto in = folder();
  if (!in) {
    return in.error().code == ErrorCode::kNotFound ? Result<void>() : in.error();
  }
  keep_helper_off(roots_, *in, now);
  for (const auto& [node, users] : users_of_nodes(now, leases)) {
    MIG_TRY(set_access(*in, node, Acl(::acl_from_text(acl_text(users).c_str()))));
  }
  return {};
}

NodeGuard::Users NodeGuard::users_of_some(const Inventory& now,
                                          const std::set<std::string>& uuids,
                                          const UsersOfInstances& users) const {
  Users nodes;
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      const auto& all = instance.compute_instances;
      const bool touched = std::any_of(all.begin(), all.end(), [&](const ComputeInstance& one) {
        return uuids.contains(one.uuid);
      });
      for (const ComputeInstance& compute : all) {
        const auto of = users.find(compute.uuid);
        if (touched && gpu.minor) {
          add_nodes(*gpu.minor,
                    instance.id,
                    compute.id,
                    of == users.end() ? std::set<std::uint32_t>() : of->second,
                    nodes);
        }
      }
    }
  }
  return nodes;
}

Result<void> NodeGuard::keep_some(const Inventory& now,
                                  const std::set<std::string>& uuids,
                                  const UsersOfInstances& users) const {
  const Users nodes = users_of_some(now, uuids, users);
  if (nodes.empty()) {
    return {};
  }
  const auto in = folder();
  if (!in) {
    return in.error().code == ErrorCode::kNotFound ? Result<void>() : in.error();
  }
  for (const auto& [node, uids] : nodes) {
    MIG_TRY(set_access(*in, node, Acl(::acl_from_text(acl_text(uids).c_str()))));
  }
  return {};
}

Result<void> NodeGuard::open_all() const {
  const auto in = folder();
  if (!in) {
    return in.error().code == ErrorCode::kNotFound ? Result<void>() : in.error();
  }
  for (const std::string& node : all_nodes()) {
    MIG_TRY(set_access(*in, node, Acl(::acl_from_mode(kAsTheDriver))));
  }
  let_helper_again(roots_);
  return {};
}

Result<std::string> guard_or_open(LeaseDesk& desk, GuardMode mode) {
  node::Node& node = desk.node();
  const std::string mark = mark_of(node);
  const NodeGuard nodes(device_roots(node));
  if (mode == GuardMode::kOff) {
    if (::access(mark.c_str(), F_OK) == 0) {
      MIG_TRY(nodes.open_all());
      ::unlink(mark.c_str());
    }
    return std::string("--guard-nodes=off");
  }
  desk.guard_nodes(nodes);
  auto kept = desk.keep_nodes();
  const bool impossible = !kept && (kept.error().code == ErrorCode::kPermission ||
                                    kept.error().code == ErrorCode::kNotSupported);
  if (impossible && mode == GuardMode::kAuto) {
    desk.guard_nodes(std::nullopt);
    return kept.error().message;
  }
  MIG_TRY(kept);
  MIG_TRY(base::write_file_atomic(mark, base::boot_id(base::proc_root()), 0600));
  return std::string();
}

void guard_new_instances(node::Node& node) {
  if (!is_guarded(node)) {
    return;  // a listener costs nvidia-smi's dialect two readings
  }
  node.after_change("device guard", [&node](const node::AfterChange& change) -> Result<void> {
    if (!is_guarded(node)) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(lease::Leases leases, lease::Leases::open(node.places().leases(), {}));
    MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> live, leases.list(nullptr));
    return NodeGuard(device_roots(node)).keep(change.after, live);
  });
}

}  // namespace mig::service
