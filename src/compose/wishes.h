// SPDX-License-Identifier: Apache-2.0
// Which instance each service gets: instances that are there, or those that a layout will have.
// Each instance serves one service, unless all who get it want it shared.
//
// Threading: pure functions. Errors: kNothingMatched for a wish that nothing serves, kNoCapacity
// when there are fewer instances than are asked for, kNotFound for a slot or GPU.
#ifndef MIGCTL_COMPOSE_WISHES_H_
#define MIGCTL_COMPOSE_WISHES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "compose/machine.h"
#include "config/compose_file.h"

namespace mig::compose {

// An instance that a service may get.
struct Seat {
  Instance instance;          // uuid "": of a layout, or of a slot that is empty
  std::string place;          // "2g.10gb on GPU 0 at 4:2"
  std::string slot, ordinal;  // names of CDI devices: "train-a", "2g.10gb-0"; "" = none
  std::string lease;          // "" = none

  // What lasts longest as a CDI device; "" = it has no name that outlives it.
  const std::string& name() const { return slot.empty() ? ordinal : slot; }
};

std::vector<Seat> seats_of(const Machine& machine);
// GPUs that the layout does not name stay as they are.
std::vector<Seat> seats_of(const Machine& machine, const DesiredLayout& layout);

struct Wanted {
  std::string service;
  config::ComposeWish wish;
  std::string uuid;  // this instance and no other; "" = by the wish
};

// By wanted service, indices of its seats. Seats of slots that are empty are added to `seats`.
Result<std::vector<std::vector<std::size_t>>> assign(const Machine& machine,
                                                     const std::vector<Wanted>& wanted,
                                                     std::vector<Seat>& seats);

// "" when the instance serves the wish, else what it is: "1g.5gb on GPU 0 at 0:1".
std::string why_not(const Machine& machine,
                    const config::ComposeWish& wish,
                    const std::string& uuid);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_WISHES_H_
