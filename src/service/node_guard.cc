// SPDX-License-Identifier: Apache-2.0
#include "service/node_guard.h"

#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <type_traits>

#include <acl/libacl.h>
#include <fmt/format.h>

#include "base/file.h"
#include "service/lease_desk.h"
#include "service/run_job.h"

namespace mig::service {
namespace {

constexpr mode_t kAsTheDriver = 0444;

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
               "serve without --guard-nodes, or as the owner of the nodes on a file system with "
               "access lists",
               {},
               {}};
}

// Reads first: called at every pass, and nearly always nothing has changed.
Result<void> let_in(const std::string& node, const std::set<std::uint32_t>& users) {
  const Acl wanted(::acl_from_text(acl_text(users).c_str()));
  const Acl there(::acl_get_file(node.c_str(), ACL_TYPE_ACCESS));
  if (!there && errno == ENOENT) {
    return {};  // the instance was destroyed meanwhile
  }
  if (!wanted || !there) {
    return cannot("read the access list of", node, errno);
  }
  if (::acl_cmp(wanted.get(), there.get()) == 0) {
    return {};
  }
  if (::acl_set_file(node.c_str(), ACL_TYPE_ACCESS, wanted.get()) != 0 && errno != ENOENT) {
    return cannot("set the access list of", node, errno);
  }
  return {};
}

}  // namespace

NodeGuard::Users NodeGuard::users_of_nodes(const Inventory& now,
                                           const std::vector<lease::Lease>& leases) const {
  std::map<std::string, std::set<std::uint32_t>> tenants;  // uids by instance
  for (const lease::Lease& lease : leases) {
    if (lease.uid != 0) {
      tenants[lease.instance.uuid].insert(lease.uid);
    }
  }
  Users users;
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
    users[roots_.dev + "/nvidia-caps/" + node].insert(tenants.begin(), tenants.end());
  }
}

Result<void> NodeGuard::keep(const Inventory& now, const std::vector<lease::Lease>& leases) {
  for (const auto& [node, users] : users_of_nodes(now, leases)) {
    MIG_TRY(let_in(node, users));
  }
  return {};
}

Result<void> NodeGuard::open_all(const Inventory& now) const {
  for (const auto& [node, users] : users_of_nodes(now, {})) {
    const Acl open(::acl_from_mode(kAsTheDriver));
    if (!open ||
        (::acl_set_file(node.c_str(), ACL_TYPE_ACCESS, open.get()) != 0 && errno != ENOENT)) {
      return cannot("open", node, errno);
    }
  }
  return {};
}

Result<void> guard_or_open(LeaseDesk& desk, bool guard) {
  node::Node& node = desk.node();
  const std::string mark = node.places().leases() + ".guarded";
  NodeGuard nodes(device_roots(node));
  if (guard) {
    MIG_TRY(base::write_file_atomic(mark, "", 0600));
    desk.guard_nodes(std::move(nodes));
    MIG_TRY(desk.step());
    return {};
  }
  if (::access(mark.c_str(), F_OK) != 0) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_TRY(nodes.open_all(now));
  ::unlink(mark.c_str());
  return {};
}

}  // namespace mig::service
