// SPDX-License-Identifier: Apache-2.0
// What a Compose file is held against: instances and their names now, names in CDI files, and what
// the journal knows of instances that were. Plain values.
#ifndef MIGCTL_COMPOSE_MACHINE_H_
#define MIGCTL_COMPOSE_MACHINE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"

#include "cdi/spec.h"
#include "model/instance.h"
#include "model/past_layout.h"
#include "model/slot.h"

namespace mig::compose {

struct Machine {
  Inventory now;
  std::vector<Slot> slots;
  std::vector<cdi::Device> devices;     // names that CDI has for `now`
  std::string kind = "nvidia.com/gpu";  // of the file that migctl keeps
  std::string kept;                     // its path; "" = none is kept
  // Names in all CDI files that engines read, with the files: "nvidia.com/gpu=0:1".
  std::map<std::string, std::vector<std::string>> in_files;
  std::vector<PastChange> past;    // newest first
  std::string program = "migctl";  // as the user calls it, for commands that mend
};

// An instance with its place.
struct Placed {
  Instance instance;
  Placement placement;                         // of its GPU instance
  std::optional<Placement> compute_placement;  // inside it
  std::optional<std::uint32_t> device_index;
  std::string lease;  // "lease 3 of team-a"; "" = none

  std::string str() const;  // "2g.10gb on GPU 0 at 4:2"
};

std::vector<Placed> placed_instances(const Inventory& now);
std::optional<Placed> placed(const Inventory& now, const std::string& uuid);

// The name of an instance that lasts longest: its slot's, else by profile and ordinal, else its
// UUID. nullptr: it has none.
const cdi::Device* lasting_name(const Machine& machine, const std::string& uuid);

// The slot whose instance this is; "" = none.
std::string slot_of(const Machine& machine, const std::string& uuid);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_MACHINE_H_
