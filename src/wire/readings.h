// SPDX-License-Identifier: Apache-2.0
// Inside of wire/: readings of the inventory that have one JSON form everywhere. Each list is
// walked by the Machine document, both ways, and by the Inventory document: a new reading of a GPU
// or an instance is one line here.
#ifndef MIGCTL_WIRE_READINGS_H_
#define MIGCTL_WIRE_READINGS_H_

namespace mig::wire {

// `walk(key, member)` for each; Subject: Gpu, const or not. An absent reading becomes null.
template <class Walk, class Subject>
void gpu_readings(Walk& walk, Subject& gpu) {
  walk("name", gpu.name);
  walk("uuid", gpu.uuid);
  walk("pciBusId", gpu.pci_bus_id);
}

// Subject: GpuInstance, const or not.
template <class Walk, class Subject>
void gpu_instance_readings(Walk& walk, Subject& instance) {
  walk("memoryMib", instance.memory_mib);
  walk("sm", instance.sm);
}

// Subject: ComputeInstance, const or not.
template <class Walk, class Subject>
void compute_instance_readings(Walk& walk, Subject& instance) {
  walk("memoryUsedMib", instance.memory_used_mib);
}

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READINGS_H_
