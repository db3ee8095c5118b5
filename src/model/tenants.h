// SPDX-License-Identifier: Apache-2.0
// Tenants: who belongs to which, what each may do and how much of the machine it may have at once.
// Values and pure functions; config/tenants.h reads them from /etc/migctl/tenants.yaml.
#ifndef MIGCTL_MODEL_TENANTS_H_
#define MIGCTL_MODEL_TENANTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mig {

// Each may do what those before it may. viewer: look; user: lease for its tenant; operator: see and
// release everybody's; admin: everything, also making instances on demand for any tenant.
enum class Role { kNone, kViewer, kUser, kOperator, kAdmin };

const char* name_of(Role role);
std::optional<Role> parse_role(const std::string& text);

// nullopt = no limit. Of all leases of the tenant together, or of one job (request).
struct Quota {
  std::optional<std::uint32_t> slices, sm, instances;
  std::optional<std::uint64_t> memory_mib;
};

struct Tenant {
  std::string name;
  std::vector<std::string> users;   // names or numbers
  std::vector<std::string> groups;  // names or numbers
  Role role = Role::kUser;
  std::uint32_t weight = 1;  // share of the machine against other tenants
  Quota quota;
  Quota job;
  std::optional<std::int64_t> job_time_ms;   // longest time limit; a job without one gets this
  std::optional<std::int32_t> max_priority;  // nullopt: 0
};

// A tenant with what it has at a moment, all its leases together.
struct TenantUse {
  Tenant tenant;
  std::uint64_t leases = 0, slices = 0, sm = 0, memory_mib = 0, instances = 0;
};

// Who somebody is to the kernel, with names where they have one.
struct Identity {
  std::uint32_t uid = 0;
  std::string user;
  std::vector<std::uint32_t> gids;
  std::vector<std::string> groups;
};

struct Tenants {
  bool from_file = false;  // false: no file; each user is a tenant of its own
  std::vector<Tenant> tenants;
  Role others = Role::kNone;  // of those whom no tenant names

  // Root is admin of the tenant "root". Else the first tenant that names the user, else the first
  // that names one of the groups, else a tenant of its own name with the role of `others`.
  Tenant tenant_of(const Identity& who) const;
  const Tenant* find(const std::string& name) const;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_TENANTS_H_
