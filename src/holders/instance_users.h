// SPDX-License-Identifier: Apache-2.0
// Users of instances: processes that hold the capability node of a compute instance open. A driver
// keeps a descriptor of it in each process that uses the instance (RM duplicates the descriptor
// that subscribes to the instance, and releases it with the subscription), so this is more recent
// than any list of the driver's.
//
// The user is the real uid of /proc/<pid>/status: a process that made itself undumpable has root's
// folder in /proc.
#ifndef MIGCTL_HOLDERS_INSTANCE_USERS_H_
#define MIGCTL_HOLDERS_INSTANCE_USERS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/inventory.h"

#include "holders/holders.h"

namespace mig::holders {

struct InstanceUser {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint32_t uid = 0;
  std::string name;  // comm
  std::string uuid;  // of the compute instance
};

// Processes on compute instances: with open nodes now, and of the inventory's process lists, as far
// as they live. `uids`: only these users'; one look at all processes whatever their number.
std::vector<InstanceUser> users_of_instances(const Inventory& inventory,
                                             const Roots& roots,
                                             const std::optional<std::set<std::uint32_t>>& uids);

// Real uid of a process; nullopt: there is none.
std::optional<std::uint32_t> real_uid(const std::string& proc, std::uint32_t pid);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_INSTANCE_USERS_H_
