// SPDX-License-Identifier: Apache-2.0
// What a frame shows, beside how (view.h): the latest sample, the last minute, events, and what the
// host says about the processes. Plain values; note() is the only way in.
#ifndef MIGCTL_TOP_CONTENT_H_
#define MIGCTL_TOP_CONTENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/plan.h"

#include "model/sample.h"
#include "top/events.h"
#include "top/grid.h"
#include "top/history.h"

namespace mig::top {

// A process, despite reuse of its pid.
struct ProcessId {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;  // 0 = unknown: not visible in this /proc
  auto operator<=>(const ProcessId&) const = default;
};

// What /proc says about a process of the sample.
struct ProcessFacts {
  std::uint64_t start_ticks = 0;  // 0 = no such process in this /proc
  std::optional<std::uint32_t> uid;
  std::vector<std::uint32_t> ancestors;  // parent first
};

// Layout that the last changes of migctl left, for comparison.
struct DesiredGpu {
  std::string uuid;
  GpuLayout layout;
};

struct Desired {
  bool asked = false;   // false: nobody asked yet
  std::string trouble;  // why it is not known; "" = known
  std::vector<DesiredGpu> gpus;
};

// What a layout file would do: a plan, as `migctl plan` makes it. Nothing is changed.
struct Preview {
  std::string asked;    // file and config, as typed; "" = nobody asked yet
  bool ready = false;   // false: it is being planned
  std::string trouble;  // why there is no plan; "" = there is
  std::int64_t at_ms = 0;
  Plan plan;
};

struct Content {
  MachineSample sample;
  std::int64_t received_ms = 0;  // Unix time
  std::int64_t now_ms = 0;
  std::string source;   // where samples come from: "migd", "driver"
  std::string trouble;  // why there is no newer sample; "" = there is
  History history;
  EventLog events;
  Desired desired;
  Preview preview;
  std::map<std::uint32_t, std::string> users;       // names by uid
  std::map<std::uint32_t, ProcessFacts> processes;  // by pid
  std::map<std::string, Color> tenants;             // in order of appearance

  // Takes a sample over, and keeps nothing of what it no longer names.
  void note(MachineSample next, std::int64_t at_ms);
  // Sets the clock. Without a sample for three intervals (at least 3 s) the readings are withdrawn:
  // an old value is never shown as today's.
  void tick(std::int64_t at_ms);

  ProcessId id_of(const ProcessSample& process) const;
  // "alice", "1000", "?" = unknown.
  std::string user_of(const ProcessSample& process) const;
  Color color_of(const std::string& tenant) const;
  // True when leases are in use, so that a process without one is worth a word.
  bool leases_in_use() const;
};

// Layout of a GPU as strips are drawn: an instance is busy when a process of the sample is on it.
GpuLayout layout_of(const GpuSample& gpu);

// Leases of an instance, each once.
std::vector<InstanceUse> uses_of(const GpuInstanceSample& instance);

}  // namespace mig::top

#endif  // MIGCTL_TOP_CONTENT_H_
