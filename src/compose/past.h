// SPDX-License-Identifier: Apache-2.0
// Inside of compose/: what a name meant earlier, from the journal.
//
// Threading: pure functions.
#ifndef MIGCTL_COMPOSE_PAST_H_
#define MIGCTL_COMPOSE_PAST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compose/machine.h"

namespace mig::compose {

struct Gone {
  PastInstance was;
  const PastChange* by = nullptr;  // the change that took it; nullptr: none that is recorded
};

// The instance of a UUID that is there no longer; nullopt: no record has it.
std::optional<Gone> find_gone(const std::vector<PastChange>& past, const std::string& uuid);

// The instance that had the UUID, or the MIG device index on this GPU, at a time (Unix, ms), from
// the first change of the GPU after it. nullopt: the GPU was not changed since, or nothing was
// recorded of the name.
std::optional<PastInstance> meant_at(const std::vector<PastChange>& past,
                                     std::int64_t ms,
                                     const std::string& gpu_uuid,
                                     const std::string& uuid,
                                     std::optional<std::uint32_t> device_index);

// The instance that is now at the place of an earlier one, with the same profile.
std::optional<Placed> at_place_of(const PastInstance& was, const Inventory& now);

// "2g.10gb on GPU 0 at 4:2".
std::string text_of(const PastInstance& was);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_PAST_H_
