// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: the processes on a GPU, with user and owner. What /proc says of a process is
// kept while the process lives, and read again from time to time: a Slurm step or a container may
// move it to another cgroup after its start.
//
// Threading: as the session.
#ifndef MIGCTL_OBSERVE_PROCESSES_H_
#define MIGCTL_OBSERVE_PROCESSES_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "holders/process_facts.h"
#include "model/sample.h"
#include "nvml/functions.h"
#include "observe/topology.h"

namespace mig::observe {

class ProcessReader {
 public:
  explicit ProcessReader(std::string proc_root) : proc_root_(std::move(proc_root)) {}

  // Compute, graphics and MPS clients with the driver's ids. kPermission: not told to this user.
  Result<std::vector<ProcessSample>> read(const nvml::Functions& nvml,
                                          const WatchedGpu& watched,
                                          std::chrono::nanoseconds now);

  // Forgets processes that no GPU had since the last call.
  void end_of_tick();

 private:
  struct Known {
    holders::ProcessFacts facts;
    std::chrono::nanoseconds read_at{0};
    bool seen = true;  // in this tick
  };

  const holders::ProcessFacts& facts_of(std::uint32_t pid, std::chrono::nanoseconds now);

  std::string proc_root_;
  std::map<std::uint32_t, Known> known_;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_PROCESSES_H_
