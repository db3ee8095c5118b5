// SPDX-License-Identifier: Apache-2.0
// The CUDA device of the process, and the operations of `info`, `oom`, `fault` and `hog`. One
// process, one device: the first visible one ($CUDA_VISIBLE_DEVICES), which with MIG is one compute
// instance.
//
// Threading: one CudaDevice from one thread at a time.
#ifndef MIGCTL_WORKLOAD_CUDA_DEVICE_H_
#define MIGCTL_WORKLOAD_CUDA_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/cuda/driver.h"
#include "workload/cuda/matmul.h"

namespace workload::cuda {

struct DeviceFacts {
  std::string name, uuid;  // UUID "GPU-..." as CUDA reports it, also for a MIG instance
  int multiprocessors = 0, cc_major = 0, cc_minor = 0;
  std::uint64_t memory_total = 0, memory_free = 0, l2_bytes = 0;
  int driver_version = 0;  // 13000 = CUDA 13.0
};

struct AllocationResult {
  std::uint64_t asked = 0;
  bool granted = false;
  std::string refusal;  // CUDA's error text of a refusal
};

enum class Fault { kIllegalAddress, kTrap, kEndlessKernel, kContextStorm };
enum class Hog { kDram, kTensor, kCompute, kPcie, kLaunch, kBarriers, kMemory };

std::optional<Fault> fault_named(std::string_view name);  // "illegal-address"; nullopt = unknown
std::optional<Hog> hog_named(std::string_view name);      // "dram"; nullopt = unknown
std::vector<std::string> fault_names();
std::vector<std::string> hog_names();

struct FaultResult {
  bool raised = false;  // the GPU reported the fault (endless: ran until the end)
  std::string report;   // CUDA's error text
  std::uint64_t rounds = 0;
};

struct HogResult {
  double seconds = 0;
  double amount = 0;  // amount of work in `unit` per second; of the memory hog: held
  const char* unit = "";
  std::uint64_t rounds = 0;
};

class CudaDevice {
 public:
  // Opens the visible device; nullptr with `error` when there is no driver, no visible device or no
  // context.
  static std::unique_ptr<CudaDevice> open(std::string& error);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const Driver& driver() const { return driver_; }

  const DeviceFacts& facts() const { return facts_; }

  // Allocates `bytes` and frees them at once.
  AllocationResult try_allocation(std::uint64_t bytes);
  // Callback when the device has begun to work.
  using Started = std::function<void()>;

  // Provokes the fault. The context is unusable afterwards, as CUDA documents for such errors.
  FaultResult cause(Fault fault,
                    double seconds,
                    const std::atomic<bool>& stop,
                    const Started& started = {});
  // Keeps one resource as busy as one process can for `seconds`. `precision` applies to the tensor
  // hog. The memory hog takes all memory that is free, and holds it.
  HogResult load(Hog hog,
                 double seconds,
                 const std::atomic<bool>& stop,
                 Status& status,
                 const Started& started = {},
                 Precision precision = Precision::kBf16);

 private:
  HogResult hold_memory(double seconds,
                        const std::atomic<bool>& stop,
                        Status& status,
                        const Started& started);

  CudaDevice(const Driver& driver, Device device, DeviceFacts facts, Handle module)
      : driver_(driver), device_(device), facts_(std::move(facts)), module_(module) {}

  const Driver& driver_;
  Device device_;
  DeviceFacts facts_;
  Handle module_;
};

}  // namespace workload::cuda

#endif  // MIGCTL_WORKLOAD_CUDA_DEVICE_H_
