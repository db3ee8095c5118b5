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

// Result of a job; the values are exit codes.
enum class Outcome : int {
  kDone = 0,
  kUnexpected = 1,    // oom: the allocation was granted
  kUsage = 2,         // wrong arguments
  kNoDevice = 3,      // no machine, no device, or no visible device
  kOutOfMemory = 4,   // less memory is free on the instance
  kDeviceLost = 5,    // the instance was destroyed, or the GPU fell off the bus
  kFaulted = 6,       // the context faulted (Xid)
  kUnknownSpeed = 7,  // the device's speed at this precision is not known
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

// Demand of a job on the device while it runs: shares 0..1 of the instance's capacity, PCIe in
// bytes per second.
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

  // Allocates device memory; freed by the backend's destructor.
  virtual Result allocate(std::uint64_t bytes) = 0;

  // Prepares steps of this size; `step` receives the expected time of one, 0 = unknown.
  virtual Result prepare(const StepWork& work, std::chrono::nanoseconds& step) = 0;

  // Runs one step and returns when it is complete.
  virtual Result run_step() = 0;

  // Clock of the work's timing. A simulated device has a clock of its own, independent of load on
  // the host.
  virtual std::chrono::nanoseconds now() const {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  // Speed of the instance when uncontended, and its share of the PCIe link; 0 = unknown.
  virtual Result speed(Speed& out) = 0;

  // Sets the demand on the device. slowdown() returns the current contention by other processes.
  virtual Result want(const Demand& alone) = 0;
  virtual Result slowdown(Slowdown& out) = 0;
  // Reports the activity that was achieved.
  virtual Result use(const Demand& now) = 0;

  // Raises Xid `xid` for this program, whose context is unusable afterwards.
  virtual Result raise_xid(std::uint32_t xid) = 0;
};

// Opens the device that `visible` names, or $CUDA_VISIBLE_DEVICES when empty.
Result open_simulated(const std::string& visible, std::unique_ptr<Backend>& out);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_BACKEND_H_
