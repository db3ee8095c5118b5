// SPDX-License-Identifier: Apache-2.0
// Tenants: membership, role and quota. Values and pure functions; config/tenants.h reads them from
// /etc/migctl/tenants.yaml.
#ifndef MIGCTL_MODEL_TENANTS_H_
#define MIGCTL_MODEL_TENANTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mig {

// Roles include the rights of earlier ones. viewer: read; user: lease for its tenant; operator: see
// and release all leases; admin: everything, also create instances on demand for any tenant.
enum class Role { kNone, kViewer, kUser, kOperator, kAdmin };

const char* name_of(Role role);
std::optional<Role> parse_role(const std::string& text);

// Limits, nullopt = none; of all leases of the tenant together, or of one job (request).
struct Quota {
  std::optional<std::uint32_t> slices, sm, instances;
  std::optional<std::uint64_t> memory_mib;
};

struct Tenant {
  std::string name;
  std::vector<std::string> users;   // names or uids
  std::vector<std::string> groups;  // names or gids
  Role role = Role::kUser;
  std::uint32_t weight = 1;  // weight for fair share
  Quota quota;
  Quota job;
  std::optional<std::int64_t> job_time_ms;   // longest time limit; a job without one gets this
  std::optional<std::int32_t> max_priority;  // nullopt: 0
};

// A tenant with its current use, summed over all its leases.
struct TenantUse {
  Tenant tenant;
  std::uint64_t leases = 0, slices = 0, sm = 0, memory_mib = 0, instances = 0;
};

// Identity of a user from the kernel's credentials, with names where they exist.
struct Identity {
  std::uint32_t uid = 0;
  std::string user;
  std::vector<std::uint32_t> gids;
  std::vector<std::string> groups;
};

struct Tenants {
  bool from_file = false;  // false: no file; each user is a tenant of its own
  std::vector<Tenant> tenants;
  Role others = Role::kNone;  // role of users whom no tenant names

  // Root is admin of the tenant "root". Otherwise the first tenant that names the user, else the
  // first that names one of the groups, else a tenant of the user's own name with the role
  // `others`.
  Tenant tenant_of(const Identity& who) const;
  const Tenant* find(const std::string& name) const;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_TENANTS_H_
