// SPDX-License-Identifier: Apache-2.0
#include "model/sharing_values.h"

#include <array>
#include <utility>

namespace mig::sharing {
namespace {

constexpr std::array<std::pair<Way, const char*>, 6> kWays = {{
    {Way::kExclusive, "exclusive"},
    {Way::kTimeSlicing, "time-slicing"},
    {Way::kMps, "mps"},
    {Way::kMpsLimits, "mps-limits"},
    {Way::kMpsDmem, "mps-dmem"},
    {Way::kMig, "mig"},
}};

}  // namespace

const char* name_of(Way way) {
  for (const auto& [value, name] : kWays) {
    if (value == way) {
      return name;
    }
  }
  return "?";
}

std::optional<Way> way_named(const std::string& name) {
  for (const auto& [value, text] : kWays) {
    if (text == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::vector<std::string> way_names() {
  std::vector<std::string> names;
  names.reserve(kWays.size());
  for (const auto& row : kWays) {
    names.emplace_back(row.second);
  }
  return names;
}

const char* name_of(Choice choice) {
  switch (choice) {
    case Choice::kMig:
      return "mig";
    case Choice::kMps:
      return "mps";
    case Choice::kTimeSlicing:
      return "time-slicing";
    case Choice::kWholeGpu:
      return "whole-gpu";
    case Choice::kMigWithMps:
      return "mig-with-mps";
    case Choice::kUndecided:
      break;
  }
  return "undecided";
}

}  // namespace mig::sharing
