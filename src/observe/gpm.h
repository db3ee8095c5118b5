// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: activity from GPM, the driver's counters of Hopper and later: averages
// between two samples of a GPU (MIG off) or of a GPU instance. All metrics of one are asked for in
// one call.
//
// Taking a sample takes 0.05 to 0.2 ms on an H200, computing its metrics 1.2 to 1.8 ms: 70 to 110
// ms for 56 instances, all of it processor time. So metrics are computed for a limited share of the
// time (budget.h), first for those that waited longest (those with processes count their time
// threefold); the others keep what they had, with its age, and their interval grows.
//
// Threading: as the session, which must outlive the object.
#ifndef MIGCTL_OBSERVE_GPM_H_
#define MIGCTL_OBSERVE_GPM_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "model/sample.h"
#include "nvml/functions.h"
#include "observe/budget.h"
#include "observe/topology.h"

namespace mig::observe {

class Gpm {
 public:
  // `one_reading`: there will be no second one, and the reason of an unknown activity says why.
  Gpm(const nvml::Functions& nvml, base::Clock& clock, bool one_reading);
  ~Gpm();
  Gpm(const Gpm&) = delete;
  Gpm& operator=(const Gpm&) = delete;
  Gpm(Gpm&&) = delete;
  Gpm& operator=(Gpm&&) = delete;

  // Fills in activity, its source or the reason why it is unknown. `out` has the instances with
  // their generations, by which a new instance is told from the one before. An error: the driver
  // counts activity, and did not tell it this time.
  Result<void> read(const std::vector<const WatchedGpu*>& gpus, std::vector<GpuSample>& out);

  // Whether the driver counts the activity of this GPU at all.
  bool supported(const WatchedGpu& watched);

 private:
  struct Subject;
  struct Request;
  // GPU index, and GPU instance id or kWhole.
  using Key = std::pair<std::uint32_t, std::uint32_t>;

  void want(const WatchedGpu& watched, std::uint32_t instance, std::uint64_t generation, bool busy);
  nvmlReturn_t take(const Subject& subject, nvmlGpmSample_t sample) const;
  void begin(Subject& subject);
  void compute(Subject& subject);
  void compute_oldest();
  void want_all_of(const WatchedGpu& watched, const GpuSample& gpu);
  static void give_unsupported(GpuSample& gpu);
  void give_all_of(GpuSample& gpu);
  void give(const Key& key, GpuInstanceSample& out);

  const nvml::Functions& nvml_;
  base::Clock& clock_;
  std::map<std::uint32_t, bool> supported_;  // by GPU index
  std::map<Key, std::unique_ptr<Subject>> subjects_;
  std::unique_ptr<Request> request_;
  Budget budget_;
  const char* first_;    // why activity is unknown before a second reading
  std::string problem_;  // the first of a tick
};

// Activity of a GPU with MIG on: that of its instances by their share of SMs, and of memory slices.
// Absent where an instance's is.
Activity activity_of_all(const GpuSample& gpu);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_GPM_H_
