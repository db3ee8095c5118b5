// SPDX-License-Identifier: Apache-2.0
// Single driver calls at random, legal or not, and things that happen to a machine. Each is held
// against what the board file says must come of it.
#ifndef MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_
#define MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_

#include <cstdint>
#include <string>

#include "world.h"

namespace mig::property {

struct DriverTally {
  std::uint64_t done = 0, refused = 0;  // calls that change something
  std::uint64_t in_use = 0;             // refused since a process is there
  std::uint64_t asked = 0;              // questions
  std::uint64_t faults = 0, killed = 0, lost = 0, reboots = 0, attached = 0;
};

class DriverWalk {
 public:
  DriverWalk(World& world, Random& random, DriverTally& tally)
      : world_(world), random_(random), tally_(tally) {}

  // One operation; "" or what is wrong.
  std::string step();

 private:
  // What an operation may do to processes and layout.
  struct Effect {
    nvmlReturn_t code = NVML_SUCCESS;
    bool legal = false;           // by the board file and the state before
    bool changes_layout = false;  // when it succeeds
    std::string what;
    std::int32_t killed = 0;       // pid
    std::uint64_t detached = 0;    // serial of the process
    bool ends_everything = false;  // reboot
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

// A fault on a random call; never one that ends the test's own process.
migsim::Fault random_fault(Random& random, std::uint32_t gpus);

// What must hold whatever was done: the simulator's invariants, the board file's rules, and every
// process of before still where it was, but those named.
std::string still_sound(const World& world,
                        const Shot& before,
                        const Shot& after,
                        std::int32_t killed,
                        std::uint64_t detached);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_DRIVER_WALK_H_
