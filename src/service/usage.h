// SPDX-License-Identifier: Apache-2.0
// What is recorded of a machine in a period: layouts from the journal and from what the daemon saw,
// leases, activity and energy from the sampler's minutes.
//
// A layout was in force between two looks at the GPU that found the same; between looks that differ
// it was the earlier one only where they are the beginning and the end of one change by migctl, and
// is not recorded otherwise. Nothing is filled in.
//
// Threading: read_usage() opens files of its own, and may run on any thread that owns the Node.
#ifndef MIGCTL_SERVICE_USAGE_H_
#define MIGCTL_SERVICE_USAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/change_record.h"
#include "model/sample.h"
#include "model/tenants.h"
#include "model/usage.h"
#include "node/node.h"
#include "store/layouts.h"
#include "store/leases.h"
#include "store/watch.h"

namespace mig::service {

// All that a Usage is made of.
struct UsageRecords {
  Inventory now;
  std::vector<ChangeRecord> changes;
  std::vector<store::LayoutSeen> seen;
  std::vector<store::TenureRow> tenures;
  std::int64_t tenures_since_ms = 0;
  std::vector<store::ActivityRow> activity;
  std::vector<std::string> warnings;
};

// Pure. `period` ends at now_ms at the latest.
Result<cost::Usage> usage_of(const UsageRecords& records, cost::Period period, std::int64_t now_ms);

// kUsage for a period that is empty, not over when it begins, or longer than
// cost::kLongestPeriodMs.
Result<void> check_period(cost::Period period, std::int64_t now_ms);

Result<cost::Usage> read_usage(node::Node& node, cost::Period period);

// As a member of `viewer` may see it: leases of other tenants without names, as in the history of
// leases.
cost::Usage seen_by(cost::Usage usage, const Tenant& viewer);

// The layouts of a tick for store::Layouts; empty while readings are withdrawn.
std::vector<store::LayoutSeen> layouts_of(const MachineSample& sample);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_USAGE_H_
