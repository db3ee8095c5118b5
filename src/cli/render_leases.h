// SPDX-License-Identifier: Apache-2.0
// Leases, queue and tenants as text.
#ifndef MIGCTL_CLI_RENDER_LEASES_H_
#define MIGCTL_CLI_RENDER_LEASES_H_

#include <string>

#include "cli/output.h"
#include "wire/leases.h"

namespace mig::cli {

// When a lease ends: "with pid 41, or in 12 min".
std::string ends_text(const lease::Lease& lease);
std::string leases_text(const wire::LeaseAnswer& answer, const Paint& paint);
std::string queue_text(const wire::LeaseAnswer& answer, const Paint& paint);
std::string tenants_text(const wire::LeaseAnswer& answer, const Paint& paint);
// The site's policy, in a line.
std::string site_text(const Tenants& site);
std::string tenant_text(const TenantUse& entry);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_LEASES_H_
