// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: what becomes an event of the sampler's samples: Xids, drift, and conditions
// that this machine can judge by itself (alerts). Each Xid is told once; of drift and of a
// condition the begin and the end. A sample without readings changes nothing: what was, is taken to
// go on.
//
// Threading: not thread-safe.
#ifndef MIGCTL_DAEMON_SAMPLE_NEWS_H_
#define MIGCTL_DAEMON_SAMPLE_NEWS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/sample.h"
#include "wire/events.h"

namespace mig::daemon {

class SampleNews {
 public:
  // An instance is held idle when it is leased and idle for so long: as the rule
  // MigInstanceHeldIdle (integrations/grafana/rules).
  static constexpr std::int64_t kIdleMs = std::int64_t{30} * 60'000;
  // A part of the sampler that fails in so many ticks, one after the other.
  static constexpr unsigned kFailures = 3;

  // What is new since the sample before, in order.
  std::vector<wire::EventNews> look(const MachineSample& sample);

 private:
  // What an event says where it begins, and how it names itself.
  struct Raised {
    wire::EventNews news;
    std::string over;  // the message of its end
  };

  using Uses = std::vector<InstanceUse>;
  using Place = std::pair<std::string, std::uint32_t>;  // GPU UUID, GI id
  using ComputeUses = std::map<std::uint32_t, Uses>;    // by CI id

  void look_at_xids(const GpuSample& gpu);
  void look_at_drift(const GpuSample& gpu);
  void look_at_memory(const GpuSample& gpu);
  void look_at_idle(const GpuSample& gpu, std::int64_t now_ms);
  void look_at_collectors(const MachineSample& sample);
  void remember(const GpuSample& gpu);
  void add_owner(wire::EventNews& news, const GpuSample& gpu, const XidCount& xid) const;
  // nullopt: it is not known whether it holds; what was before goes on.
  void judge(const std::string& key, std::optional<bool> holds, Raised what);
  void end(const std::string& key, const std::string& message);

  std::vector<wire::EventNews> found_;
  std::int64_t now_ms_ = 0;
  // By GPU UUID, Xid, and instances.
  using XidKey = std::tuple<std::string, std::uint64_t, std::int64_t, std::int64_t>;
  std::map<XidKey, std::uint64_t> counted_;
  std::map<std::string, Raised> raised_;
  std::map<std::string, unsigned> failures_;  // by collector
  // Of the sample before: an Xid's victim may have given its lease back by the time of the tick.
  std::map<Place, ComputeUses> uses_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_SAMPLE_NEWS_H_
