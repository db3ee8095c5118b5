// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: what is refused at the door, since waiting would never help. Pure functions.
#ifndef MIGCTL_LEASE_ADMISSION_H_
#define MIGCTL_LEASE_ADMISSION_H_

#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/lease_values.h"
#include "model/tenants.h"

namespace mig::lease {

// Numbers out of range: kUsage.
Result<void> check_numbers(const LeaseRequest& request);

// kNothingMatched when no instance there, and with `create` none that could be made, would serve;
// the hint says what could.
Result<void> check_possible(const LeaseRequest& request, const Inventory& inventory);

// kPermission when the tenant's quota or what one of its jobs may have is too small for it even on
// an idle machine. `tenant` nullptr: no limits.
Result<void> check_tenant(const LeaseRequest& request,
                          const Inventory& inventory,
                          const Tenant* tenant);

// How many of the instances that are there would serve, taken or not.
std::uint32_t count_that_serve(const Inventory& inventory, const Need& need);

// The compute instance that --create would make for this need in a new GPU instance of `profile`:
// the one that is named, else the one that fills it. nullopt = none that serves.
std::optional<LeasedInstance> would_make(const GpuInstanceProfile& profile, const Need& need);

// What would be made for the need when it found nothing: the smallest that serves, nowhere yet.
std::optional<LeasedInstance> smallest_makeable(const Inventory& inventory, const Need& need);

// "1g.5gb (2 of 3 free), 3g.20gb": what there is, by profile; "" = nothing.
std::string what_there_is(const Inventory& inventory);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ADMISSION_H_
