// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: compares two readings by user-visible properties (modes, instances by
// placement, compute instances), ignoring ids because a recreated instance may get another one.
// Pure functions.
#ifndef MIGCTL_APPLY_LAYOUT_DIFF_H_
#define MIGCTL_APPLY_LAYOUT_DIFF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::apply {

// Id of an expected instance, which has no real id.
inline constexpr std::uint32_t kNoInstanceId = 0xFFFFFFFFU;

struct Difference {
  enum class Kind {
    kNoAnswer,  // the GPU could not be read
    kExtra,     // present now, absent before
    kMode,
    kMissing,  // present before, absent now
  };
  Kind kind = Kind::kNoAnswer;
  std::string gpu_uuid;
  GpuInstance instance;                    // kExtra, kMissing: this one, or the parent
  std::optional<ComputeInstance> compute;  // the difference is this compute instance only
  std::string what;                        // text: "GPU 1 has 3g.20gb at 4:4 (gi=1)"
  std::string command;                     // command that repairs it; "" = none
};

// Differences from `before` to `now`, of the plan's GPUs, in an order in which the repair commands
// work: destroys, then modes, then creates.
std::vector<Difference> layout_diff(const Plan& plan,
                                    const Inventory& before,
                                    const Inventory& now);

// True when the modes are unchanged, or the pending one became current: a reset or reboot fulfils
// the request.
bool modes_kept(MigMode was_current, MigMode was_pending, MigMode current, MigMode pending);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LAYOUT_DIFF_H_
