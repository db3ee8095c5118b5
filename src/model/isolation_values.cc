// SPDX-License-Identifier: Apache-2.0
#include "model/isolation_values.h"

#include <array>
#include <utility>

namespace mig::isolation {
namespace {

constexpr std::array<std::pair<Sharing, const char*>, 5> kSharing = {{
    {Sharing::kMig, "mig"},
    {Sharing::kComputeInstances, "compute-instances"},
    {Sharing::kTimeSlicing, "time-slicing"},
    {Sharing::kMps, "mps"},
    {Sharing::kMpsLimits, "mps-limits"},
}};

}  // namespace

const char* name_of(Sharing sharing) {
  for (const auto& [value, name] : kSharing) {
    if (value == sharing) {
      return name;
    }
  }
  return "?";
}

std::optional<Sharing> sharing_named(const std::string& name) {
  for (const auto& [value, text] : kSharing) {
    if (text == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::vector<std::string> sharing_names() {
  std::vector<std::string> names;
  names.reserve(kSharing.size());
  for (const auto& row : kSharing) {
    names.emplace_back(row.second);
  }
  return names;
}

const char* name_of(Finding finding) {
  switch (finding) {
    case Finding::kIsolated:
      return "isolated";
    case Finding::kSlowed:
      return "slowed";
    case Finding::kKilled:
      return "killed";
    case Finding::kUndecided:
      break;
  }
  return "undecided";
}

const char* out_of_memory_note() {
  return "Out of memory is an answer to one process's request: that a neighbour gets it and\n"
         "the victim lives proves a limit of memory, not that a fault stays where it is\n"
         "caused. For that see illegal-address and trap.";
}

const char* not_covered_note() {
  return "Isolated is said of speed and survival, against these neighbours. It does not say\n"
         "that a neighbour learns nothing: memory barriers in one MIG instance disturb the L2\n"
         "timing of others (\"Behind Bars\", USENIX Security 2026). Instances of one GPU share\n"
         "the PCIe link, the last-level TLB, power and clocks.";
}

}  // namespace mig::isolation
