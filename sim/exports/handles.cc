// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/handles.h"

namespace migsim::exports {

// Never destroyed: clients may call NVML from the destructors of their static objects.
HandleTable<DeviceRef>& devices() {
  static auto* table = new HandleTable<DeviceRef>;
  return *table;
}

HandleTable<GiRef>& gpu_instances() {
  static auto* table = new HandleTable<GiRef>;
  return *table;
}

HandleTable<CiRef>& compute_instances() {
  static auto* table = new HandleTable<CiRef>;
  return *table;
}

nvmlDevice_t gpu_handle(std::uint32_t gpu) {
  return devices().handle_of<nvmlDevice_t>(DeviceRef{gpu, kNone, kNone, 0});
}

nvmlDevice_t mig_handle(std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci, const State& state) {
  const std::uint64_t serial = state.gpus[gpu].gis[gi].cis[ci].serial;
  return devices().handle_of<nvmlDevice_t>(DeviceRef{gpu, gi, ci, serial});
}

}  // namespace migsim::exports
