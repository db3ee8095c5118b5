// SPDX-License-Identifier: Apache-2.0
// Inside of service/: the layouts that were in force in a period, by GPU. Pure.
#ifndef MIGCTL_SERVICE_LAYOUT_HISTORY_H_
#define MIGCTL_SERVICE_LAYOUT_HISTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/usage.h"
#include "service/usage.h"

namespace mig::service {

// The GPUs of the period with their layouts. `boards`: GPUs by the name of their board, for the
// figures of one that is not there any more.
Result<std::vector<cost::UsedGpu>> layout_history(const UsageRecords& records,
                                                  cost::Period period,
                                                  std::int64_t now_ms);

// What an instance of the profile takes of the GPU; all zero for an unknown profile.
cost::Amount amount_of(const Gpu& gpu, const ProfileName& profile);

// The GPU of that uuid, or one of the same board; nullptr: there is none.
const Gpu* figures_of(const UsageRecords& records, const std::string& uuid);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LAYOUT_HISTORY_H_
