// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: two readings compared by what users see (modes, instances at their places,
// compute instances inside), ids left out because a re-created instance may get another one. Pure
// functions.
#ifndef MIGCTL_APPLY_LAYOUT_DIFF_H_
#define MIGCTL_APPLY_LAYOUT_DIFF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::apply {

// The id of an instance that is only expected.
inline constexpr std::uint32_t kNoInstanceId = 0xFFFFFFFFU;

struct Difference {
  enum class Kind {
    kNoAnswer,  // the GPU is not there to be read
    kExtra,     // is there and was not
    kMode,
    kMissing,  // was there and is not
  };
  Kind kind = Kind::kNoAnswer;
  std::string gpu_uuid;
  GpuInstance instance;                    // kExtra, kMissing: the one it is about, or is inside of
  std::optional<ComputeInstance> compute;  // it is about this one only
  std::string what;                        // "GPU 1 has 3g.20gb at 4:4 (gi=1)"
  std::string command;                     // that would put it right; "" = none
};

// From `before` to `now`, for the GPUs that `plan` names. In an order in which the commands work:
// what has to go, then modes, then what has to come.
std::vector<Difference> layout_diff(const Plan& plan,
                                    const Inventory& before,
                                    const Inventory& now);

// The modes are as they were, or the one that was pending has become current: a reset or reboot is
// no change of what was asked for.
bool modes_kept(MigMode was_current, MigMode was_pending, MigMode current, MigMode pending);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LAYOUT_DIFF_H_
