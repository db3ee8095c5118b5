// SPDX-License-Identifier: Apache-2.0
#include "planner/words.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::planner {

std::string range(Placement placement) {
  return placement.size <= 1 ? fmt::format("{}", placement.start)
                             : fmt::format("{}-{}", placement.start, placement.end() - 1);
}

std::string slots(Placement placement) {
  return (placement.size <= 1 ? "slot " : "slots ") + range(placement);
}

std::string ranges(const std::vector<Placement>& placements) {
  std::vector<std::string> parts;
  parts.reserve(placements.size());
  for (const Placement placement : placements) {
    parts.push_back(range(placement));
  }
  return base::join(parts, ", ");
}

std::string multiset(const std::vector<std::pair<std::string, std::size_t>>& counts) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) {
    if (count > 0) {
      parts.push_back(count == 1 ? name : fmt::format("{} x {}", count, name));
    }
  }
  return parts.empty() ? "nothing" : base::join(parts, " + ");
}

std::string holds(const Gpu& gpu, const GpuInstance& instance) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> who;
  for (const Process& process : gpu.processes_on(instance.id)) {
    who.push_back(
        fmt::format("pid {}{}{}", process.pid, process.name.empty() ? "" : " ", process.name));
  }
  for (const InstanceLease& lease : gpu.leases_on(instance.id)) {
    who.push_back(lease.str());
  }
  const std::size_t more = who.size() - std::min(who.size(), kNamed);
  who.resize(who.size() - more);
  return fmt::format("{} gi={} ({}{}) holds {}",
                     instance.name.str(),
                     instance.id.value,
                     base::join(who, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "",
                     slots(instance.placement));
}

}  // namespace mig::planner
