// SPDX-License-Identifier: Apache-2.0
// The tenants file, /etc/migctl/tenants.yaml: users of each tenant and their limits. Parsed
// strictly: an unknown key, a user in two tenants or a size without a unit is an error with
// file:line:column, since a limit that is silently ignored protects no one.
// docs/reference/leases.md.
#ifndef MIGCTL_CONFIG_TENANTS_H_
#define MIGCTL_CONFIG_TENANTS_H_

#include <string>
#include <string_view>

#include "mig/result.h"

#include "model/tenants.h"

namespace mig::config {

// `file` is used in messages only.
Result<Tenants> parse_tenants(std::string_view text, std::string_view file);

// A missing file gives Tenants{} (each user is a tenant of its own).
Result<Tenants> read_tenants(const std::string& path);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_TENANTS_H_
