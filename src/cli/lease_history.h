// SPDX-License-Identifier: Apache-2.0
// `migctl history --leases`: the audit log of leases, as a table or a document.
#ifndef MIGCTL_CLI_LEASE_HISTORY_H_
#define MIGCTL_CLI_LEASE_HISTORY_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

#include "cli/command.h"

namespace mig::cli {

struct LeaseHistoryOptions {
  std::string tenant, user, since, until;  // as typed; "" = not given
  std::uint32_t last = 0;                  // maximum number of events
};

Result<int> show_lease_history(Context& context, const LeaseHistoryOptions& options);

// Local time: "2026-11-28 14:03:07".
std::string local_time(std::int64_t unix_ms);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_LEASE_HISTORY_H_
