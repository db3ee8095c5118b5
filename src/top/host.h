// SPDX-License-Identifier: Apache-2.0
// What the host says beside the driver: start times, users and ancestors of processes, names of
// users. Bounded; not thread-safe.
#ifndef MIGCTL_TOP_HOST_H_
#define MIGCTL_TOP_HOST_H_

#include <cstdint>
#include <map>
#include <string>

#include "top/content.h"

namespace mig::top {

// Facts of one process; start_ticks is 0 when there is none.
ProcessFacts read_facts(const std::string& proc, std::uint32_t pid);

class Host {
 public:
  explicit Host(std::string proc) : proc_(std::move(proc)) {}

  // Of the processes of a sample, read anew; names of users are kept.
  std::map<std::uint32_t, ProcessFacts> processes(const MachineSample& sample) const;
  const std::map<std::uint32_t, std::string>& users(const MachineSample& sample);

 private:
  std::string proc_;
  std::map<std::uint32_t, std::string> users_;
};

}  // namespace mig::top

#endif  // MIGCTL_TOP_HOST_H_
