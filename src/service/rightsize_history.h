// SPDX-License-Identifier: Apache-2.0
// What ended and running leases did, by the sampler's minutes, and what that says of their
// profiles. Memory decides a smallest profile; speed is not claimed from activity alone, which
// cannot tell it (docs/reference/rightsize.md).
#ifndef MIGCTL_SERVICE_RIGHTSIZE_HISTORY_H_
#define MIGCTL_SERVICE_RIGHTSIZE_HISTORY_H_

#include <cstdint>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/rightsize_values.h"
#include "model/sample_history.h"
#include "node/node.h"

namespace mig::service {

// Pure: rows of one minute each, of GPUs of `now`.
std::vector<rightsize::PastUse> past_uses(const Inventory& now,
                                          const std::vector<SampleRow>& rows,
                                          double memory_margin);

// kNotFound when no sampler ever ran here, kPermission when its records are not ours to read.
Result<rightsize::HistoryReport> rightsize_history(node::Node& node,
                                                   std::int64_t from_ms,
                                                   std::int64_t until_ms);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_HISTORY_H_
