// SPDX-License-Identifier: Apache-2.0
// Tenants: membership, role, quota and rights, and the site's policy on leases. Values and pure
// functions; config/tenants.h reads them from /etc/migctl/tenants.yaml.
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

// Limits, nullopt = none.
struct Quota {
  std::optional<std::uint32_t> slices, sm, instances;
  std::optional<std::uint64_t> memory_mib;

  friend bool operator==(const Quota&, const Quota&) = default;
};

struct Tenant {
  std::string name;
  std::vector<std::string> users;   // names or uids
  std::vector<std::string> groups;  // names or gids
  Role role = Role::kUser;
  std::uint32_t weight = 1;                     // weight for fair share
  Quota quota;                                  // of all leases of the tenant together
  Quota per_user;                               // of all leases of one of its users together
  Quota job;                                    // of one request
  std::optional<std::int64_t> job_time_ms;      // longest time limit; a job without one gets this
  std::optional<std::int64_t> default_time_ms;  // as Tenants::default_time_ms; nullopt: that
  std::optional<std::int32_t> max_priority;     // nullopt: 0
  // Rights of a request: to end leases of lower priority, to make instances from free slices, and
  // to leave processes behind that keep the lease after a normal end.
  bool may_preempt = false;
  bool may_create = false;
  bool may_linger = false;

  friend bool operator==(const Tenant&, const Tenant&) = default;
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
  std::optional<Role> at_most;  // who acts for the user has no more than this: a token's role
};

// What becomes of processes on an instance without a lease of their user there.
enum class Unleased { kReport, kEnd };

// The site's preemption: whether leases of lower priority may be ended at all, and the time that
// their holders get. A request has no say in either.
struct PreemptionPolicy {
  bool enabled = false;
  std::int64_t grace_ms = 30'000;

  friend bool operator==(const PreemptionPolicy&, const PreemptionPolicy&) = default;
};

// The tenants file as a value. Without a file: each user is a tenant of its own, which may create
// instances, without limits; nobody preempts and priorities are at most 0.
struct Tenants {
  bool from_file = false;
  std::vector<Tenant> tenants;
  // Of a file: limits and rights of users whom no tenant names; its name is not used. They count
  // together as one tenant (counted_as()), each with its own leases.
  Tenant others = shut_out();
  Unleased unleased = Unleased::kReport;
  PreemptionPolicy preemption;
  // Instances made for a request are destroyed after so long without lease and process; nullopt:
  // never.
  std::optional<std::int64_t> reclaim_ms = 600'000;
  // Assumed length of a lease without a limit, for planning only: it ends nothing.
  std::int64_t default_time_ms = 3'600'000;

  // Name under which the scheduler counts users of `others` of a file: no tenant can have it.
  static constexpr const char* kOthers = "(others)";

  // Root is admin of the tenant "root". Otherwise the first tenant that names the user, else the
  // first that names one of the groups, else a tenant of the user's own name with the limits and
  // rights of `others`; without a file with those of every user. Never more than who.at_most.
  Tenant tenant_of(const Identity& who) const;
  const Tenant* find(const std::string& name) const;
  // Limits and rights of the tenant of that name, as tenant_of() gives them to its users. The name
  // in them is that of a tenant of the file, of root's, or none.
  const Tenant& limits_of(const std::string& name) const;
  // Name of the tenant that quota, share and weight of this one belong to: its own, but kOthers for
  // users whom no tenant of a file names.
  std::string counted_as(const std::string& name) const;
  // Assumed length of a lease of that tenant without a limit.
  std::int64_t assumed_ms(const std::string& name) const;

  static Tenant shut_out();  // role none
  static const Tenant& of_root();

  friend bool operator==(const Tenants&, const Tenants&) = default;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_TENANTS_H_
