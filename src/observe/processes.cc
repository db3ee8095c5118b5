// SPDX-License-Identifier: Apache-2.0
#include "observe/processes.h"

#include "device/processes.h"
#include "observe/units.h"

namespace mig::observe {
namespace {

constexpr std::chrono::seconds kFactsKept{10};

std::vector<device::MigDevice> mig_devices_of(const WatchedGpu& watched) {
  std::vector<device::MigDevice> out;
  for (const auto& [ids, handle] : watched.devices) {
    device::MigDevice& device = out.emplace_back();
    device.handle = handle;
    device.gpu_instance = ids.first;
    device.compute_instance = ids.second;
  }
  return out;
}

}  // namespace

// A pid that is reused by another process is told by its start time, which is one small file.
const holders::ProcessFacts& ProcessReader::facts_of(std::uint32_t pid,
                                                     std::chrono::nanoseconds now) {
  const auto found = known_.find(pid);
  const bool known = found != known_.end() && now - found->second.read_at < kFactsKept &&
                     holders::start_of(proc_root_, pid) == found->second.facts.start_ticks;
  if (known) {
    found->second.seen = true;
    return found->second.facts;
  }
  return (known_[pid] = Known{holders::read_process(proc_root_, pid), now, true}).facts;
}

Result<std::vector<ProcessSample>> ProcessReader::read(const nvml::Functions& nvml,
                                                       const WatchedGpu& watched,
                                                       std::chrono::nanoseconds now) {
  MIG_ASSIGN_OR_RETURN(
      const auto listed,
      device::read_processes(nvml, watched.handle, mig_devices_of(watched), proc_root_));
  std::vector<ProcessSample> out;
  out.reserve(listed.size());
  for (const Process& process : listed) {
    const holders::ProcessFacts& facts = facts_of(process.pid, now);
    ProcessSample& sample = out.emplace_back();
    sample.pid = process.pid;
    sample.name = process.name;
    sample.uid = facts.uid;
    if (process.memory_mib) {
      sample.memory_bytes = *process.memory_mib * kMib;
    }
    sample.gpu_instance = process.gpu_instance;
    sample.compute_instance = process.compute_instance;
    sample.owner = facts.owner;
  }
  return out;
}

void ProcessReader::end_of_tick() {
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
  for (auto& [pid, known] : known_) {
    known.seen = false;
  }
}

}  // namespace mig::observe
