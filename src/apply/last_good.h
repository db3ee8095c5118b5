// SPDX-License-Identifier: Apache-2.0
// The machine's layout after the last successful changes: restored after a reboot, which removes
// every instance.
#ifndef MIGCTL_APPLY_LAST_GOOD_H_
#define MIGCTL_APPLY_LAST_GOOD_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "store/journal.h"

namespace mig::apply {

// For each present GPU, the layout after its newest applied change (a pending mode counts as
// reached). Rolled-back and stuck changes are ignored, GPUs without a recorded change left out;
// recorded GPUs that are absent become warnings. kNothingMatched when no GPU of this machine has a
// record.
Result<DesiredLayout> last_good(store::Journal& journal, const Inventory& now);

// Layout before a recorded change, of every GPU that this or a later change touched.
Result<DesiredLayout> layout_before(store::Journal& journal,
                                    const store::ChangeRow& change,
                                    const Inventory& now);

// Merges saved layouts, newest first: the first entry of each GPU counts. `gone` receives UUIDs
// that `now` lacks.
Result<std::string> merge_layouts(const std::vector<std::string>& saved,
                                  const Inventory& now,
                                  std::vector<std::string>& gone);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LAST_GOOD_H_
