// SPDX-License-Identifier: Apache-2.0
// The sampler of a daemon: a thread with a driver session of its own, which takes a MachineSample
// in every interval. Nobody waits for it, and it waits for nobody: a call of the driver that hangs
// holds up this thread alone. check() then withdraws the readings.
//
// An open session keeps every Ampere GPU from changing its MIG mode, and every GPU from a reset
// (docs/adr/0013-sampler.md): the session is closed on let_go(), and where boards need
// it between two ticks.
//
// Threading: all members may be called from any thread. on_sample is called on the sampler's
// thread.
#ifndef MIGCTL_OBSERVE_SAMPLER_H_
#define MIGCTL_OBSERVE_SAMPLER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"
#include "observe/carried.h"
#include "observe/dcgm_source.h"

namespace mig::observe {

struct SamplerOptions {
  std::string library;  // of the driver; "" = by the loader's search path
  // nullopt: 1 s with the driver kept open, or, where a board's mode cannot change while somebody
  // has the driver open, 10 s with the driver closed in between.
  std::optional<std::chrono::milliseconds> interval;
  std::string proc_root;
  DcgmSettings dcgm;  // activity of GPUs whose driver counts none
  // What a sample without readings says of the machine before the driver was opened.
  MachineSample machine;
  Accounts accounts;  // of an earlier process
  // True while a change of the machine is under way; then a closed session is not opened. Called on
  // the sampler's thread.
  std::function<bool()> changing;
  // Every tick, and once when there is nothing to read any more: MachineSample::withdrawn. With the
  // accounts as they are then, to be kept (store/watch.h).
  std::function<void(MachineSample, Accounts)> on_sample;
};

class Sampler {
 public:
  static std::unique_ptr<Sampler> start(SamplerOptions options);
  virtual ~Sampler() = default;
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  Sampler(Sampler&&) = delete;
  Sampler& operator=(Sampler&&) = delete;

  // Closes the session and keeps it closed while process `pid` lives, a minute at most, and for as
  // long as a change is under way. Waits until it is closed; false: not within `patience`.
  virtual bool let_go(std::uint32_t pid, std::chrono::milliseconds patience) = 0;

  // The layout has changed: a tick is taken soon, which looks at all GPUs. Instances in `gone` are
  // not there any more: one that looks like it is another one.
  virtual void layout_changed(const std::vector<InstancePlace>& gone) = 0;

  // A sample without readings, when the running tick takes longer than three ticks should; nullopt:
  // all is well, or it was told already. Call from time to time.
  virtual std::optional<MachineSample> check() = 0;

  // Ends the thread; false: a call of the driver did not come back within `patience`, and the
  // thread is left behind. The process must then end without destructors.
  virtual bool stop(std::chrono::milliseconds patience) = 0;

 protected:
  Sampler() = default;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_SAMPLER_H_
