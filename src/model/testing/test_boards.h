// SPDX-License-Identifier: Apache-2.0
// For tests: Inventories of the boards in sim/gpus/*.json, read as data. No code is shared with the
// simulator, so that two readings of the rules stay two.
#ifndef MIGCTL_MODEL_TESTING_TEST_BOARDS_H_
#define MIGCTL_MODEL_TESTING_TEST_BOARDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"

namespace mig::testing {

// Every board there is a file of, e.g. "a100_sxm4_40gb".
std::vector<std::string> board_keys();

// MIG enabled, no instances. Aborts when there is no such file: a test without its data is no test.
Gpu board(const std::string& key, std::uint32_t index = 0);

Inventory inventory(std::vector<Gpu> gpus);

// "3g.20gb" at `start` with the next free id and compute instances by name ("" = the full-size one,
// "-" = none), at the first places that are free. Aborts when the board has no such profile.
GpuInstance& add_instance(Gpu& gpu,
                          std::string_view profile,
                          std::uint32_t start,
                          const std::vector<std::string>& compute = {""});

// A process on that instance.
void add_process(Gpu& gpu,
                 const GpuInstance& instance,
                 std::uint32_t pid,
                 const std::string& name = "python");

}  // namespace mig::testing

#endif  // MIGCTL_MODEL_TESTING_TEST_BOARDS_H_
