// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/quantity.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace mig::kube {
namespace {

// With the largest unit of which the value is a whole multiple.
std::string with_unit(std::uint64_t value,
                      std::uint64_t base,
                      std::initializer_list<std::string_view> units) {
  if (value == 0) {
    return "0";
  }
  const auto* unit = units.begin();
  while (value % base == 0 && unit + 1 != units.end()) {
    value /= base;
    ++unit;
  }
  return fmt::format("{}{}", value, *unit);
}

}  // namespace

std::string count_quantity(std::uint64_t count) {
  return with_unit(count, 1000, {"", "k", "M", "G"});
}

std::string mib_quantity(std::uint64_t mib) {
  return with_unit(mib, 1024, {"Mi", "Gi", "Ti"});
}

std::string rfc3339(std::int64_t time_ms) {
  constexpr std::int64_t kMsPerSecond = 1000;
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%SZ}",
      fmt::gmtime(static_cast<std::time_t>(std::max<std::int64_t>(time_ms, 0) / kMsPerSecond)));
}

}  // namespace mig::kube
