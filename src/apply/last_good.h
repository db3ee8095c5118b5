// SPDX-License-Identifier: Apache-2.0
// The layout that this machine had after the last changes that ended well: what a reboot, which
// takes every instance, is to be followed by.
#ifndef MIGCTL_APPLY_LAST_GOOD_H_
#define MIGCTL_APPLY_LAST_GOOD_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

#include "store/journal.h"

namespace mig::apply {

// For each GPU that is here, the layout after the newest change of it that was applied; a mode that
// was pending then counts as reached. Changes that were rolled back or got stuck do not count. GPUs
// that no change names are left out, and those that are gone become warnings. kNothingMatched when
// nothing is recorded for any GPU of this machine.
Result<DesiredLayout> last_good(store::Journal& journal, const Inventory& now);

// The layout before a recorded change: of every GPU that it or a later change touched.
Result<DesiredLayout> layout_before(store::Journal& journal,
                                    const store::ChangeRow& change,
                                    const Inventory& now);

// Of one saved text after another, newest first, each GPU's first: as one saved text. `gone` gets
// the UUIDs that `now` lacks.
Result<std::string> merge_layouts(const std::vector<std::string>& saved,
                                  const Inventory& now,
                                  std::vector<std::string>& gone);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LAST_GOOD_H_
