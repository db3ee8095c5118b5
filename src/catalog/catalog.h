// SPDX-License-Identifier: Apache-2.0
// Boards as values, without a driver, a machine or a file: the Gpu that a driver reports for each
// model after power-on, with MIG off, display outputs off and no processes. For offline plans
// (`plan --model`) and fleets. The figures are those of the board files, sim/gpus/, built in as
// data; the simulator reads the same files by independent code, and a test compares both readings
// for every board.
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

// Maximum number of GPUs in one inventory.
inline constexpr std::uint32_t kMostGpus = 1024;

// A number of GPUs of one model.
struct Boards {
  std::string name;  // "h200-141gb"
  std::uint32_t count = 1;
};

// Parses "h200-141gb", "a100-sxm4-40gb,8". kUsage when malformed; the board's existence is not
// checked.
Result<Boards> parse_boards(std::string_view text);

// Board names for the command line, ascending.
std::vector<std::string> board_names();

// kNotFound names the nearest board. Index, UUID, address and minor number are derived from
// `index`, so that they are unique in an inventory.
Result<Gpu> gpu_of(const std::string& board, GpuIndex index);

// The result is marked as simulated. Errors: kNotFound, kTooLarge.
Result<Inventory> inventory_of(const Boards& boards);

}  // namespace mig::catalog

#endif  // MIGCTL_CATALOG_CATALOG_H_
