// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: admission control, which refuses requests that waiting could never satisfy.
// Pure functions.
#ifndef MIGCTL_LEASE_ADMISSION_H_
#define MIGCTL_LEASE_ADMISSION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/lease_values.h"
#include "model/tenants.h"

namespace mig::lease {

// Longest time between SIGTERM and SIGKILL at the end of a lease: it is the tenant's wish, and
// keeps the instance beyond the limit.
inline constexpr std::int64_t kLongestEndGraceMs = 600'000;

// kUsage for numbers out of range.
Result<void> check_numbers(const LeaseRequest& request);

// kNothingMatched when no existing instance, and with `create` no instance that could be created,
// satisfies the request; the hint names what could.
Result<void> check_possible(const LeaseRequest& request, const Inventory& inventory);

// kPermission when the request asks for more than the tenant's or the site's rights: to preempt, to
// create instances, to linger, a priority above the tenant's highest.
Result<void> check_rights(const LeaseRequest& request, const Tenant& tenant, const Tenants& site);

// kPermission when a limit of the tenant (of one job, of its user, of all its leases) is too small
// even on an idle machine. `tenant` is the request's, whose name is caller.tenant.
Result<void> check_tenant(const LeaseRequest& request,
                          const Inventory& inventory,
                          const Tenant& tenant);

// Number of existing instances that satisfy the need, free or not.
std::uint32_t count_that_serve(const Inventory& inventory, const Need& need);

// The compute instance that --create would make for this need in a new GPU instance of `profile`:
// the named one, else the full-size one. nullopt = none satisfies the need.
std::optional<Instance> would_make(const GpuInstanceProfile& profile, const Need& need);

// The smallest instance that --create could make for the need, not yet placed.
std::optional<Instance> smallest_makeable(const Inventory& inventory, const Need& need);

// Existing instances by profile, for messages: "1g.5gb (2 of 3 free), 3g.20gb"; "" = none.
std::string what_there_is(const Inventory& inventory);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ADMISSION_H_
