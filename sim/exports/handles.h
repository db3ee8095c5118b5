// SPDX-License-Identifier: Apache-2.0
// Handle tables: what the opaque pointers of NVML refer to in this process. A handle is the address
// of an object that is never freed while the library is loaded, and is valid only if the table
// issued it: an invalid or stale pointer gives an error code, never a crash.
//
// Threading: all members may be called from any thread.
#ifndef MIGCTL_SIM_EXPORTS_HANDLES_H_
#define MIGCTL_SIM_EXPORTS_HANDLES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>

#include "abi/nvml.h"
#include "sim/machine/state.h"

namespace migsim::exports {

// A GPU (gi == kNone) or a MIG device. `serial` is that of the compute instance: a recreated
// instance with the same ids is another device.
struct DeviceRef {
  std::uint32_t gpu = 0, gi = kNone, ci = kNone;
  std::uint64_t serial = 0;

  bool is_mig() const { return gi != kNone; }

  auto operator<=>(const DeviceRef&) const = default;
};

struct GiRef {
  std::uint32_t gpu = 0, gi = 0;
  std::uint64_t serial = 0;

  auto operator<=>(const GiRef&) const = default;
};

struct CiRef {
  std::uint32_t gpu = 0, gi = 0, ci = 0;
  std::uint64_t gi_serial = 0, serial = 0;

  auto operator<=>(const CiRef&) const = default;
};

// The same referent always has the same handle: clients compare handles.
template <class Ref>
class HandleTable {
 public:
  template <class Handle>
  Handle handle_of(const Ref& ref) {
    const std::lock_guard lock(mutex_);
    auto& slot = by_ref_[ref];
    if (!slot) {
      slot = std::make_unique<Ref>(ref);
      known_.insert(slot.get());
    }
    return reinterpret_cast<Handle>(slot.get());
  }

  // nullptr when the handle is not of this kind.
  const Ref* find(const void* handle) {
    const std::lock_guard lock(mutex_);
    return known_.count(handle) != 0 ? static_cast<const Ref*>(handle) : nullptr;
  }

 private:
  std::mutex mutex_;
  std::map<Ref, std::unique_ptr<Ref>> by_ref_;
  std::set<const void*> known_;
};

HandleTable<DeviceRef>& devices();
HandleTable<GiRef>& gpu_instances();
HandleTable<CiRef>& compute_instances();

nvmlDevice_t gpu_handle(std::uint32_t gpu);
nvmlDevice_t mig_handle(std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci, const State& state);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_HANDLES_H_
