// SPDX-License-Identifier: Apache-2.0
// The device that a workload runs on. The simulated one is simulated.cc; a CUDA one implements the
// same class. Threading: one thread at a time.
#ifndef MIGCTL_WORKLOAD_BACKEND_H_
#define MIGCTL_WORKLOAD_BACKEND_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "workload/model.h"
#include "workload/roofline.h"

namespace workload {

// Also the program's exit codes.
enum class Outcome : int {
  kDone = 0,
  kUnexpected = 1,    // oom: the allocation was granted
  kUsage = 2,         // wrong arguments
  kNoDevice = 3,      // no machine, no device, nothing visible
  kOutOfMemory = 4,   // the instance has not that much free
  kDeviceLost = 5,    // the instance was destroyed, or the GPU fell off the bus
  kFaulted = 6,       // the context faulted (Xid)
  kUnknownSpeed = 7,  // nothing is known about the device's speed at this precision
  kInternal = 8,
};

struct [[nodiscard]] Result {
  Outcome outcome = Outcome::kDone;
  std::string message;

  bool ok() const { return outcome == Outcome::kDone; }
};

struct DeviceInfo {
  std::string name, uuid;
  std::uint32_t sm_count = 0;
  std::uint64_t memory_total = 0, memory_free = 0;  // bytes
  int cc_major = 0, cc_minor = 0;
  bool simulated = false;
};

// What a program asks of the device as long as it runs: shares 0..1 of what the instance has, the
// link in bytes per second.
struct Demand {
  double sm = 0, tensor = 0, fp32 = 0, dram = 0;
  double pcie_in = 0;
};

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  virtual Result info(DeviceInfo& out) = 0;

  // Device memory, held until the backend goes.
  virtual Result allocate(std::uint64_t bytes) = 0;

  // Gets ready for steps of this size; `step` is what one is expected to take, 0 = not known ahead.
  virtual Result prepare(const StepWork& work, std::chrono::nanoseconds& step) = 0;

  // Runs one step and comes back when it is over.
  virtual Result run_step() = 0;

  // The clock that work is timed by. A simulated device has its own: what its host does meanwhile
  // is no part of how fast it is.
  virtual std::chrono::nanoseconds now() const {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  // What the instance reaches when nobody else is on it, and its share of the link; 0 = not known.
  virtual Result speed(Speed& out) = 0;

  // From now on the device is asked for this. slowdown() says what the others make of it now.
  virtual Result want(const Demand& alone) = 0;
  virtual Result slowdown(Slowdown& out) = 0;
  // What is got of it.
  virtual Result use(const Demand& now) = 0;

  // The device reports error `xid` of this program, whose context is unusable from then on.
  virtual Result raise_xid(std::uint32_t xid) = 0;
};

// The device that `visible` names, or $CUDA_VISIBLE_DEVICES when it is empty.
Result open_simulated(const std::string& visible, std::unique_ptr<Backend>& out);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_BACKEND_H_
