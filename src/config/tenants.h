// SPDX-License-Identifier: Apache-2.0
// The tenants file, /etc/migctl/tenants.yaml: users of each tenant, their limits and rights, and
// the site's policy. Parsed strictly: an unknown key, a user in two tenants or a size without a
// unit is an error with file:line:column, since a limit that is silently ignored protects no one.
// `default:` is merged into every tenant here, so readers of the values need not know it.
// docs/reference/leases.md.
#ifndef MIGCTL_CONFIG_TENANTS_H_
#define MIGCTL_CONFIG_TENANTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "model/tenants.h"

namespace mig::config {

// A user or group that the file names, with its place, for a check against the system's databases.
struct TenantMember {
  std::string name;
  bool group = false;
  std::string tenant;
  SourcePosition position;
};

struct TenantsFile {
  Tenants tenants;
  std::vector<TenantMember> members;
};

// `file` is used in messages only.
Result<TenantsFile> parse_tenants_file(std::string_view text, std::string_view file);

// A missing file gives Tenants{} (each user is a tenant of its own).
Result<TenantsFile> read_tenants_file(const std::string& path);

// As above, without the members' places.
Result<Tenants> parse_tenants(std::string_view text, std::string_view file);
Result<Tenants> read_tenants(const std::string& path);

// What another file changes, a line for each tenant and each policy: "tenant a: quota.slices 7 ->
// 4". Tenants without users and groups are left out.
std::vector<std::string> differences(const Tenants& now, const Tenants& next);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_TENANTS_H_
