// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: the GPUs and instances that a tick reads, as last seen. What is there is
// asked for a few GPUs in each tick, so that every GPU is looked at within two ticks, or for all at
// once when somebody says that the layout has changed: on an H200 the MIG mode alone costs 0.16 ms,
// and the lists of instances more.
//
// Threading: as the session.
#ifndef MIGCTL_OBSERVE_TOPOLOGY_H_
#define MIGCTL_OBSERVE_TOPOLOGY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "device/cached_reader.h"
#include "device/facts.h"
#include "nvml/session.h"

namespace mig::observe {

struct WatchedGpu {
  Gpu gpu;
  nvmlDevice_t handle = nullptr;
  // MIG device handles by GPU instance and compute instance id.
  std::map<std::pair<std::uint32_t, std::uint32_t>, nvmlDevice_t> devices;

  // Any MIG device of a GPU instance; nullptr: it has none, so its memory cannot be read.
  nvmlDevice_t device_of(GpuInstanceId id) const;
};

class Topology {
 public:
  explicit Topology(std::string proc_root) : proc_root_(std::move(proc_root)) {}

  // Looks at the next GPUs in turn, or at all. A GPU that cannot be opened is left out, and named
  // in problem().
  Result<void> refresh(const nvml::Session& session);

  // The next refresh() looks at all GPUs.
  void layout_changed() { all_ = true; }

  // By index. Valid until the next refresh().
  const std::vector<const WatchedGpu*>& gpus() const { return gpus_; }

  // Hash of layout and modes (layout_generation()).
  std::uint64_t generation() const { return generation_; }

  // Why GPUs are left out; "" = none is.
  const std::string& problem() const { return problem_; }

 private:
  Result<void> look(const nvml::Session& session, GpuIndex index);
  void forget(std::uint32_t index);
  void collect();
  void take_handles(const nvml::Session& session, WatchedGpu& watched) const;

  std::string proc_root_;
  device::FactsOfGpus facts_;
  device::CachedReader reader_;
  std::map<std::uint32_t, WatchedGpu> seen_;   // by GPU index
  std::map<std::uint32_t, std::string> lost_;  // by GPU index: why
  std::vector<const WatchedGpu*> gpus_;        // of seen_, in order
  std::uint32_t count_ = 0;
  std::uint32_t next_ = 0;
  std::uint32_t owed_ = 0;  // looks at GPUs, times the ticks of a round
  bool all_ = true;
  bool changed_ = true;  // since generation_ was computed
  std::uint64_t epoch_ = 0;
  std::uint64_t generation_ = 0;
  std::string problem_;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_TOPOLOGY_H_
