// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: activity of instances by NVIDIA's DCGM, for GPUs whose driver counts none
// (Ampere). A thread of its own is connected to the running host engine and waits for it; the
// sampler's thread waits a moment for a reading and otherwise does without: an engine that hangs
// holds up nobody, and its last readings are withdrawn.
//
//   source->want(gpus, 1s);         // at the beginning of a tick: what is there now
//   source->fill(gpus);             // at its end
//
// Threading: members from one thread, but let_go() and stop() from any.
#ifndef MIGCTL_OBSERVE_DCGM_SOURCE_H_
#define MIGCTL_OBSERVE_DCGM_SOURCE_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"

namespace mig::observe {

enum class DcgmUse {
  kOff,      // libdcgm is not even looked for
  kAuto,     // where it and a host engine are
  kRequire,  // it is an error where they are not
};

struct DcgmSettings {
  DcgmUse use = DcgmUse::kOff;
  std::string engine;  // "" = 127.0.0.1:5555 (dcgm/address.h)

  friend bool operator==(const DcgmSettings&, const DcgmSettings&) = default;
};

// Of the words "off", "auto" and "require" ("" = off) and an address. kUsage and kInvalidInput say
// what was expected.
Result<DcgmSettings> dcgm_settings(const std::string& use, const std::string& engine);

class DcgmSource {
 public:
  // nullptr where `settings` say that it is not used.
  static std::unique_ptr<DcgmSource> start(const DcgmSettings& settings);
  virtual ~DcgmSource() = default;
  DcgmSource(const DcgmSource&) = delete;
  DcgmSource& operator=(const DcgmSource&) = delete;
  DcgmSource(DcgmSource&&) = delete;
  DcgmSource& operator=(DcgmSource&&) = delete;

  // The GPUs whose activity is wanted, with their instances and generations; the engine is to count
  // every `interval`. Connects, watches and begins a reading, without waiting for any of it.
  virtual void want(const std::vector<const GpuSample*>& gpus,
                    std::chrono::milliseconds interval) = 0;

  // Fills in activity and source of one of them, or the reason why it is unknown. An error: the
  // engine was there, or must be, and does not tell.
  virtual Result<void> fill(const std::vector<GpuSample*>& gpus) = 0;

  // Disconnects: all watches end. The next want() connects again. Does not wait.
  virtual void let_go() = 0;

  // Ends the thread; false: a call hangs, and the thread is left behind. The process must then end
  // without destructors.
  virtual bool stop(std::chrono::milliseconds patience) = 0;

 protected:
  DcgmSource() = default;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_DCGM_SOURCE_H_
