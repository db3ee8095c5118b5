// SPDX-License-Identifier: Apache-2.0
#include "planner/words.h"

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

std::string who_is_on(const Process& process) {
  if (process.pid == 0 && !process.name.empty()) {
    return process.name + " holds";  // a lease: its holder need not run a process on the instance
  }
  return process.name.empty() ? fmt::format("pid {} runs on", process.pid)
                              : fmt::format("pid {} ({}) runs on", process.pid, process.name);
}

std::string holds(const Gpu& gpu, const GpuInstance& instance) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> pids;
  const auto processes = gpu.processes_on(instance.id);
  for (const Process& process : processes) {
    if (pids.size() < kNamed) {
      pids.push_back(
          process.pid == 0 && !process.name.empty()
              ? process.name
              : fmt::format(
                    "pid {}{}{}", process.pid, process.name.empty() ? "" : " ", process.name));
    }
  }
  const std::size_t more = processes.size() - pids.size();
  return fmt::format("{} gi={} ({}{}) holds {}",
                     instance.name.str(),
                     instance.id.value,
                     base::join(pids, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "",
                     slots(instance.placement));
}

}  // namespace mig::planner
