// SPDX-License-Identifier: Apache-2.0
// The tenants file against the system: users and groups that it names and the system does not
// know, and what a changed file would change.
#ifndef MIGCTL_SERVICE_TENANTS_CHECK_H_
#define MIGCTL_SERVICE_TENANTS_CHECK_H_

#include <string>
#include <vector>

#include "mig/result.h"

#include "model/tenants.h"

namespace mig::service {

struct CheckedTenants {
  std::string file;
  Tenants tenants;
  // A complaint with file:line:column for each user and group that the system does not know. A
  // number needs no name: a container's users have none.
  std::vector<Error> unknown;
};

// Reads `path`, else the file of store::tenants_file(), as read_tenants() does, and looks up whom
// it names.
Result<CheckedTenants> check_tenants(const std::string& path);

// For a running daemon: the file as it is now. Refused, so that the old one stays: one that is not
// valid, names whom the system does not know, or is gone while `now` is from a file.
Result<Tenants> reread_tenants(const std::string& path, const Tenants& now);

// What another file changes, a line for each tenant and each policy: "tenant a: quota.slices 7 ->
// 4". Tenants without users and groups are not in files: they are left out.
std::vector<std::string> tenant_differences(const Tenants& now, const Tenants& next);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_TENANTS_CHECK_H_
