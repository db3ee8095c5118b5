// SPDX-License-Identifier: Apache-2.0
// What changed from one sample to the next, in words: instances that came and went, leases, modes,
// Xids, drift, readings withdrawn. Bounded. Not thread-safe.
#ifndef MIGCTL_TOP_EVENTS_H_
#define MIGCTL_TOP_EVENTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "model/sample.h"

namespace mig::top {

struct Event {
  std::int64_t time_ms = 0;  // Unix time of the sample that showed it
  std::string text;
  bool bad = false;  // Xid, drift, readings withdrawn
};

// Events between two samples of one machine; none where either is withdrawn, but for that itself.
std::vector<Event> events_between(const MachineSample& before, const MachineSample& after);

class EventLog {
 public:
  static constexpr std::size_t kMost = 500;

  // The first sample gives no events.
  void note(const MachineSample& sample);

  // Oldest first.
  const std::deque<Event>& events() const { return events_; }

 private:
  void add(std::vector<Event> events);

  std::deque<Event> events_;
  MachineSample last_, last_read_;  // last_read_: the last that was not withdrawn
  bool seen_ = false, read_ = false;
};

}  // namespace mig::top

#endif  // MIGCTL_TOP_EVENTS_H_
