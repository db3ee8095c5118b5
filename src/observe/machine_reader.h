// SPDX-License-Identifier: Apache-2.0
// One tick: a MachineSample from a driver session. For the sampler's thread (sampler.h), and for a
// program that samples by itself (migctl top without a daemon).
//
//   observe::Carried carried;
//   observe::MachineReader reader(*session, carried, {});
//   MIG_ASSIGN_OR_RETURN(const MachineSample sample, reader.tick());
//
// The first tick has no activity, and splits no energy: both are differences of two readings.
//
// nvmlDeviceGetPcieThroughput is never called: it takes 21 ms for each direction (H200, R580).
//
// Threading: as the session. Errors: where nothing can be read at all (no driver, the GPUs cannot
// be counted); a part that fails is a collector without success, and its readings are absent.
#ifndef MIGCTL_OBSERVE_MACHINE_READER_H_
#define MIGCTL_OBSERVE_MACHINE_READER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "base/proc_root.h"
#include "model/sample.h"
#include "nvml/session.h"
#include "observe/accounts.h"
#include "observe/board.h"
#include "observe/carried.h"
#include "observe/dcgm_source.h"
#include "observe/gpm.h"
#include "observe/processes.h"
#include "observe/topology.h"
#include "observe/xids.h"

namespace mig::observe {

struct ReaderSettings {
  std::string proc_root = base::proc_root();
  base::Clock* clock = nullptr;  // nullptr: the system clock
  // Of two ticks that lie further apart nobody knows what was in between.
  std::chrono::nanoseconds longest_interval = std::chrono::seconds(35);
  // Activity of GPUs whose driver counts none; nullptr: it is unknown. With the interval in which
  // it is to be counted.
  DcgmSource* dcgm = nullptr;
  std::chrono::milliseconds interval{1000};
  // The session, and the reader with it, lasts one tick: activity by GPM needs two.
  bool closes_between_ticks = false;
};

class MachineReader {
 public:
  // `session` and `carried` must outlive the reader.
  MachineReader(const nvml::Session& session, Carried& carried, ReaderSettings settings);

  Result<MachineSample> tick();

  // The layout may have changed: the next tick looks at all GPUs.
  void layout_changed() { topology_.layout_changed(); }

 private:
  // Runs one part of the tick and notes how it went.
  using Work = std::function<Result<void>()>;
  void part(const char* name, const Work& work);
  // The same for each GPU; the first error is the part's, the other GPUs are read all the same.
  using GpuWork = std::function<Result<void>(const WatchedGpu&, GpuSample&)>;
  void for_each_gpu(const char* name, MachineSample& sample, const GpuWork& work);
  void describe(MachineSample& sample);
  void read_boards(MachineSample& sample);
  void read_instances(MachineSample& sample);
  void want_dcgm(const MachineSample& sample);
  void read_dcgm(MachineSample& sample);
  void sum_up(MachineSample& sample, std::chrono::nanoseconds begun);
  base::Clock& clock() const;

  const nvml::Session& session_;
  Carried& carried_;
  ReaderSettings settings_;
  Topology topology_;
  ProcessReader processes_;
  Gpm gpm_;
  XidWatch xids_;
  EnergyReader energy_;

  struct Slow {
    SlowReadings readings;
    std::chrono::nanoseconds read_at{0};
  };

  std::map<std::string, Slow> slow_;  // by GPU UUID
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_MACHINE_READER_H_
