// SPDX-License-Identifier: Apache-2.0
// Boards as values, without a driver, a machine or a file: what a driver tells of a GPU of each
// model after power-on, with MIG off, display outputs off and nothing on it. For plans of GPUs that
// are not there
// (`plan --model`) and for fleets on paper. The figures are those of the board files, sim/gpus/,
// built in as data; the simulator reads the same files with code of its own, and a test holds this
// reading against what a driver session shows of a simulated GPU, for every board.
//
// Threading: pure functions. Example:
//
//   MIG_ASSIGN_OR_RETURN(const Inventory eight, catalog::inventory_of({"h200-141gb", 8}));
#ifndef MIGCTL_CATALOG_CATALOG_H_
#define MIGCTL_CATALOG_CATALOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::catalog {

// GPUs of one inventory.
inline constexpr std::uint32_t kMostGpus = 1024;

// So many GPUs of one model.
struct Boards {
  std::string name;  // "h200-141gb"
  std::uint32_t count = 1;
};

// "h200-141gb", "a100-sxm4-40gb,8". kUsage when it is neither; whether there is such a board is
// not looked at.
Result<Boards> parse_boards(std::string_view text);

// The names that users type, ascending.
std::vector<std::string> board_names();

// kNotFound names the nearest. Index, UUID, address and minor number are made up from `index`, so
// that no two GPUs of an inventory share one.
Result<Gpu> gpu_of(const std::string& board, GpuIndex index);

// Marked as simulated: no such hardware was looked at. kNotFound, kTooLarge.
Result<Inventory> inventory_of(const Boards& boards);

}  // namespace mig::catalog

#endif  // MIGCTL_CATALOG_CATALOG_H_
