// SPDX-License-Identifier: Apache-2.0
// JSON of the daemon's events (GET /v1/events). Threading: pure functions.
#ifndef MIGCTL_WIRE_EVENTS_H_
#define MIGCTL_WIRE_EVENTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "wire/wire.h"

namespace mig::wire {

// Something that happened. What does not apply is nullopt or "".
struct EventNews {
  std::string type;     // "layout", "lease", "job", "xid", "drift", "alert", "reset"
  std::string alert;    // which: "part/driver", "collector/gpm", "held_idle", "row_remap"
  std::string action;   // "apply", "granted", "started", "raised"
  std::string message;  // for people
  std::int64_t time_ms = 0;
  std::optional<std::uint32_t> gpu, gpu_instance, compute_instance;
  std::string gpu_uuid, instance;
  std::optional<std::int64_t> lease;
  std::string tenant, job;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint64_t> xid, count;  // count: of that Xid since the last event
  // Who may not see the tenant's own gets it all the same, without the owner; else not at all.
  bool others_see = false;
};

// Without tenant, user, lease and job.
EventNews without_owner(EventNews news);

// A document of kind Event, on one line.
std::string event_document(const EventNews& news, const std::string& id, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_EVENTS_H_
