// SPDX-License-Identifier: Apache-2.0
// Test data: Inventories of the boards in sim/gpus/*.json, read as data. Shares no code with the
// simulator, so that the two readings of the rules stay independent.
#ifndef MIGCTL_MODEL_TESTING_TEST_BOARDS_H_
#define MIGCTL_MODEL_TESTING_TEST_BOARDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"

namespace mig::testing {

// Keys of all board files, e.g. "a100_sxm4_40gb".
std::vector<std::string> board_keys();

// A GPU with MIG enabled, without instances. Aborts when the file is missing: without data a test
// would prove nothing.
Gpu board(const std::string& key, std::uint32_t index = 0);

Inventory inventory(std::vector<Gpu> gpus);

// Adds "3g.20gb" at `start` with the next free id and compute instances by name ("" = the full-size
// one, "-" = none), at the first free placements. Aborts when the board has no such profile.
GpuInstance& add_instance(Gpu& gpu,
                          std::string_view profile,
                          std::uint32_t start,
                          const std::vector<std::string>& compute = {""});

// Adds a process on that instance.
void add_process(Gpu& gpu,
                 const GpuInstance& instance,
                 std::uint32_t pid,
                 const std::string& name = "python");

}  // namespace mig::testing

#endif  // MIGCTL_MODEL_TESTING_TEST_BOARDS_H_
