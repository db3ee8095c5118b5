// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: admission control, which refuses requests that waiting could never satisfy.
// Pure functions.
#ifndef MIGCTL_LEASE_ADMISSION_H_
#define MIGCTL_LEASE_ADMISSION_H_

#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/lease_values.h"
#include "model/tenants.h"

namespace mig::lease {

// kUsage for numbers out of range.
Result<void> check_numbers(const LeaseRequest& request);

// kNothingMatched when no existing instance, and with `create` no instance that could be created,
// satisfies the request; the hint names what could.
Result<void> check_possible(const LeaseRequest& request, const Inventory& inventory);

// kPermission when the tenant's quota or job limit is too small even on an idle machine. `tenant`
// nullptr: no limits.
Result<void> check_tenant(const LeaseRequest& request,
                          const Inventory& inventory,
                          const Tenant* tenant);

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
