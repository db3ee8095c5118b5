// SPDX-License-Identifier: Apache-2.0
// Frame of every exported call: checks that the library is initialised and the handle valid and not
// stale, applies injected faults and latency, takes the lock, checks that the GPU is not lost.
//
//     nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned* minor) {
//       return read_gpu(__func__, device, [&](const Subject& s) { return put(s.self().minor,
//       minor); });
//     }
#ifndef MIGCTL_SIM_EXPORTS_DISPATCH_H_
#define MIGCTL_SIM_EXPORTS_DISPATCH_H_

#include <cstdint>
#include <optional>

#include "abi/nvml.h"
#include "sim/exports/handles.h"
#include "sim/exports/library.h"
#include "sim/machine/call.h"
#include "sim/machine/machine.h"
#include "sim/machine/mig.h"
#include "sim/machine/telemetry.h"
#include "sim/tree/open_nodes.h"

namespace migsim::exports {

// Subject of a read-only call, valid while the machine's lock is held.
struct Subject {
  Machine& machine;
  GpuView gpu;
  DeviceRef ref;

  const Hardware& hardware() const { return gpu.hardware; }

  const State& state() const { return gpu.state; }

  const Board& board() const { return gpu.board(); }

  const GpuState& self() const { return gpu.self(); }

  bool is_mig() const { return ref.is_mig(); }

  bool mig_on() const { return self().mig_current != 0; }

  // Valid for a MIG device only.
  const GiState& gi() const { return self().gis[ref.gi]; }

  const CiState& ci() const { return gi().cis[ref.ci]; }

  const GiProfile& gi_profile() const { return board().gi_profiles[gi().profile_index]; }

  const CiProfile& ci_profile() const { return gi_profile().ci_profiles[ci().profile_index]; }
};

inline bool alive(const GpuState& gpu, const DeviceRef& ref) {
  return !ref.is_mig() || (gpu.gis[ref.gi].used != 0 && gpu.gis[ref.gi].cis[ref.ci].used != 0 &&
                           gpu.gis[ref.gi].cis[ref.ci].serial == ref.serial);
}

inline bool alive(const GpuState& gpu, const GiRef& ref) {
  return gpu.gis[ref.gi].used != 0 && gpu.gis[ref.gi].serial == ref.serial;
}

inline bool alive(const GpuState& gpu, const CiRef& ref) {
  return alive(gpu, GiRef{ref.gpu, ref.gi, ref.gi_serial}) &&
         gpu.gis[ref.gi].cis[ref.ci].used != 0 && gpu.gis[ref.gi].cis[ref.ci].serial == ref.serial;
}

// Runs a call that is not about one GPU. Body: nvmlReturn_t(Machine&).
template <class Body>
nvmlReturn_t call(const char* function, std::uint32_t gpu, Body&& body) {
  const std::shared_ptr<Machine> machine = current_machine();
  if (!machine) {
    return NVML_ERROR_UNINITIALIZED;
  }
  if (gpu != kNone && gpu >= machine->hardware().gpu_count) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  auto code = static_cast<nvmlReturn_t>(begin_call(*machine, function, gpu));
  if (code == NVML_SUCCESS) {
    code = body(*machine);
  }
  end_call(*machine, function, gpu, code);
  return code;
}

template <class Body>
nvmlReturn_t call(const char* function, Body&& body) {
  return call(function, kNone, body);
}

// Runs a read-only call on a device (GPU or MIG device). Body: nvmlReturn_t(const Subject&), under
// the lock.
template <class Body>
nvmlReturn_t read_device(const char* function, nvmlDevice_t device, Body&& body) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const DeviceRef* ref = devices().find(device);
  if (ref == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return call(function, ref->gpu, [&](Machine& machine) {
    const Machine::View view(machine);
    const GpuView gpu{machine.hardware(), *view, ref->gpu};
    if (gpu.self().lost != 0) {
      return NVML_ERROR_GPU_IS_LOST;
    }
    if (!alive(gpu.self(), *ref)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return body(Subject{machine, gpu, *ref});
  });
}

// As read_device for calls that MIG devices do not answer: those return `for_mig`.
template <class Body>
nvmlReturn_t read_gpu(const char* function,
                      nvmlDevice_t device,
                      Body&& body,
                      nvmlReturn_t for_mig = NVML_ERROR_NOT_SUPPORTED) {
  return read_device(
      function, device, [&](const Subject& s) { return s.is_mig() ? for_mig : body(s); });
}

// Synchronises the machine's /proc and /dev tree. Must not be called while a View or Change is
// held. NVML has no code for a failure here; the next change repairs the tree.
void show_change(Machine& machine);

// Device nodes that other processes have open and that block a change; searched before the change
// takes the lock, and only for callers who may change the machine.
OpenNodes nodes_in_the_way(std::uint32_t gpu);                    // block a mode change or a reset
OpenNodes nodes_in_the_way(std::uint32_t gpu, std::uint32_t gi);  // block a destruction

// NVML_SUCCESS. Body: nvmlReturn_t(GpuRef).
template <class Body>
nvmlReturn_t change_gpu(const char* function, std::uint32_t index, Body&& body) {
  return call(function, index, [&](Machine& machine) {
    if (!is_admin(machine)) {
      return NVML_ERROR_NO_PERMISSION;
    }
    nvmlReturn_t code = NVML_ERROR_GPU_IS_LOST;
    {
      Machine::Change change(machine);
      const GpuRef gpu{machine.hardware(), *change, index};
      if (gpu.self().lost == 0) {
        code = static_cast<nvmlReturn_t>(body(gpu));
      }
      if (code == NVML_SUCCESS) {
        change.commit();
      }
    }
    if (code == NVML_SUCCESS) {
      show_change(machine);
    }
    return code;
  });
}

template <class Body>
nvmlReturn_t change_device(const char* function, nvmlDevice_t device, Body&& body) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const DeviceRef* ref = devices().find(device);
  if (ref == nullptr || ref->is_mig()) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return change_gpu(function, ref->gpu, body);
}

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_DISPATCH_H_
