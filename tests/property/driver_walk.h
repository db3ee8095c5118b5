// SPDX-License-Identifier: Apache-2.0
// Random single driver calls, legal or not, and random events of a machine. The effect of each is
// checked against the board file.
#ifndef MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_
#define MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_

#include <cstdint>
#include <string>

#include "world.h"

namespace mig::property {

struct DriverTally {
  std::uint64_t done = 0, refused = 0;  // calls that changed the machine
  std::uint64_t in_use = 0;             // refused because of a process
  std::uint64_t asked = 0;              // read-only calls
  std::uint64_t faults = 0, killed = 0, lost = 0, reboots = 0, attached = 0;
};

class DriverWalk {
 public:
  DriverWalk(World& world, Random& random, DriverTally& tally)
      : world_(world), random_(random), tally_(tally) {}

  // One random operation; "" or the violated property.
  std::string step();

 private:
  // Allowed effects of an operation on processes and layout.
  struct Effect {
    nvmlReturn_t code = NVML_SUCCESS;
    bool legal = false;           // legal by the board file and the state before
    bool changes_layout = false;  // on success
    std::string what;
    std::int32_t killed = 0;       // pid of the killed process
    std::uint64_t detached = 0;    // serial of the detached process
    bool ends_everything = false;  // a reboot: all processes and instances end
    bool told_exactly = true;      // legal <=> success
  };

  Effect act(const Shot& before);
  Effect create_gi(const Shot& before, std::uint32_t gpu);
  Effect create_ci(const Shot& before, std::uint32_t gpu);
  Effect destroy_gi(const Shot& before, std::uint32_t gpu);
  Effect destroy_ci(const Shot& before, std::uint32_t gpu);
  Effect ask(const Shot& before, std::uint32_t gpu);
  Effect processes(const Shot& before, std::uint32_t gpu);
  Effect trouble(std::uint32_t gpu);
  Effect power(const Shot& before, std::uint32_t gpu);
  std::string judge(const Shot& before, const Shot& after, const Effect& effect);

  nvmlDevice_t device(std::uint32_t gpu);
  std::uint32_t some_gi(const GpuShot& gpu);

  World& world_;
  Random& random_;
  DriverTally& tally_;
};

// Injects a fault into a random call; never one that kills the test's own process.
migsim::Fault random_fault(Random& random, std::uint32_t gpus);

// Properties that hold after every operation: the simulator's invariants, the board file's rules,
// and every earlier process on its instance, except those named.
std::string still_sound(const World& world,
                        const Shot& before,
                        const Shot& after,
                        std::int32_t killed,
                        std::uint64_t detached);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_
