// SPDX-License-Identifier: Apache-2.0
// Descendants of a process, by the parents that /proc tells. A process whose parent has ended
// belongs to init or to the nearest sub-reaper (PR_SET_CHILD_SUBREAPER), and is found there only.
#ifndef MIGCTL_HOLDERS_DESCENDANTS_H_
#define MIGCTL_HOLDERS_DESCENDANTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/lease_values.h"

namespace mig::holders {

// Parent and process group of a process, from /proc/<pid>/stat.
struct Kin {
  std::uint32_t parent = 0, group = 0;
};

std::optional<Kin> kin_of(const std::string& proc, std::uint32_t pid);

// Children, their children and so on, without zombies and without `pid` itself.
std::vector<lease::LeaseHolder> descendants_of(const std::string& proc, std::uint32_t pid);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_DESCENDANTS_H_
