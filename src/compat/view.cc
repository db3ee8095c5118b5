// SPDX-License-Identifier: Apache-2.0
// The calls that make the view: the process's only device is the instance of $MIGCTL_COMPAT_UUID,
// with index 0 and without a GPU around it. Handles are the driver's own, so all other calls are
// forwarded as they are (forwards.cmake), and what a MIG device cannot tell (power, temperature) is
// the driver's NOT_SUPPORTED. For a view, no security boundary: that is the job's sandbox.
//
// Without a view ($MIGCTL_COMPAT_UUID unset) each of these calls is forwarded too.
//
// Threading: no state. The handle is looked up by UUID each time: one that is kept would outlive an
// instance that is destroyed and made again.
#include <type_traits>

#include "abi/nvml.h"
#include "compat/driver.h"
#include "compat/forwards.h"

namespace {

using mig::compat::driver_symbol;
using mig::compat::driver_trouble;
using mig::compat::view_uuid;

bool viewing() {
  return *view_uuid() != '\0';
}

// The driver's function of that name, looked up once; nullptr: it has none.
#define DRIVER_FUNCTION(name)                                                                \
  ([] {                                                                                      \
    static const auto kFunction = reinterpret_cast<decltype(&(name))>(driver_symbol(#name)); \
    return kFunction;                                                                        \
  }())

template <class... Arguments>
nvmlReturn_t call(nvmlReturn_t (*function)(Arguments...),
                  std::type_identity_t<Arguments>... arguments) {
  return function == nullptr ? migctl_compat_absent() : function(arguments...);
}

#define DRIVER(name, ...) call(DRIVER_FUNCTION(name), __VA_ARGS__)

nvmlReturn_t own_device(nvmlDevice_t* device) {
  return device == nullptr ? NVML_ERROR_INVALID_ARGUMENT
                           : DRIVER(nvmlDeviceGetHandleByUUID, view_uuid(), device);
}

bool is_own(nvmlDevice_t device) {
  nvmlDevice_t own = nullptr;
  return own_device(&own) == NVML_SUCCESS && own == device;
}

// What a search of the driver found, as the view has it: the instance itself or the GPU that it is
// a part of is device 0; anything else is not there.
nvmlReturn_t as_seen(nvmlReturn_t code, nvmlDevice_t* device) {
  if (code != NVML_SUCCESS || !viewing()) {
    return code;
  }
  nvmlDevice_t own = nullptr;
  if (const nvmlReturn_t missing = own_device(&own); missing != NVML_SUCCESS) {
    return missing;
  }
  nvmlDevice_t gpu = nullptr;
  if (*device != own &&
      (DRIVER(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, own, &gpu) != NVML_SUCCESS ||
       *device != gpu)) {
    *device = nullptr;
    return NVML_ERROR_NOT_FOUND;
  }
  *device = own;
  return NVML_SUCCESS;
}

nvmlReturn_t one_device(unsigned* count) {
  if (count == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  // Before nvmlInit, and after an error of the driver, its answer.
  const nvmlReturn_t code = DRIVER(nvmlDeviceGetCount_v2, count);
  if (code == NVML_SUCCESS) {
    *count = 1;
  }
  return code;
}

nvmlReturn_t by_index(unsigned index, nvmlDevice_t* device) {
  unsigned count = 0;
  if (const nvmlReturn_t code = one_device(&count); code != NVML_SUCCESS) {
    return code;
  }
  return index == 0 ? own_device(device) : NVML_ERROR_INVALID_ARGUMENT;
}

// For calls about the instance's surroundings, which the view does not have.
template <class... Arguments>
nvmlReturn_t unless_own(nvmlDevice_t device,
                        nvmlReturn_t answer,
                        nvmlReturn_t (*driver)(Arguments...),
                        std::type_identity_t<Arguments>... arguments) {
  return viewing() && is_own(device) ? answer : call(driver, arguments...);
}

// An event of the GPU around the instance is device 0's.
template <class Data>
nvmlReturn_t seen_event(nvmlReturn_t code, Data* data) {
  if (code == NVML_SUCCESS && viewing() && data != nullptr) {
    nvmlDevice_t own = nullptr;
    if (own_device(&own) == NVML_SUCCESS) {
      data->device = own;
    }
  }
  return code;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetCount(unsigned* count) {
  return viewing() ? one_device(count) : DRIVER(nvmlDeviceGetCount, count);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned* count) {
  return viewing() ? one_device(count) : DRIVER(nvmlDeviceGetCount_v2, count);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t* device) {
  return viewing() ? by_index(index, device) : DRIVER(nvmlDeviceGetHandleByIndex, index, device);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t* device) {
  return viewing() ? by_index(index, device) : DRIVER(nvmlDeviceGetHandleByIndex_v2, index, device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  return as_seen(DRIVER(nvmlDeviceGetHandleByUUID, uuid, device), device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUIDV(const nvmlUUID_v1_t* uuid, nvmlDevice_t* device) {
  return as_seen(DRIVER(nvmlDeviceGetHandleByUUIDV, uuid, device), device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char* bus_id, nvmlDevice_t* device) {
  return as_seen(DRIVER(nvmlDeviceGetHandleByPciBusId, bus_id, device), device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, nvmlDevice_t* device) {
  return as_seen(DRIVER(nvmlDeviceGetHandleByPciBusId_v2, bus_id, device), device);
}

nvmlReturn_t nvmlDeviceGetHandleBySerial(const char* serial, nvmlDevice_t* device) {
  return as_seen(DRIVER(nvmlDeviceGetHandleBySerial, serial, device), device);
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned* index) {
  const nvmlReturn_t code = DRIVER(nvmlDeviceGetIndex, device, index);
  if (code == NVML_SUCCESS && viewing() && is_own(device)) {
    *index = 0;
  }
  return code;
}

// As a GPU that knows no MIG.
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned* current, unsigned* pending) {
  return unless_own(device,
                    NVML_ERROR_NOT_SUPPORTED,
                    DRIVER_FUNCTION(nvmlDeviceGetMigMode),
                    device,
                    current,
                    pending);
}

// nvitop takes a MIG device for a part of a GPU that it has listed, and fails without that one.
nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned* is_mig) {
  const nvmlReturn_t code = DRIVER(nvmlDeviceIsMigDeviceHandle, device, is_mig);
  if (code == NVML_SUCCESS && viewing() && is_own(device)) {
    *is_mig = 0;
  }
  return code;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned* count) {
  if (viewing() && count != nullptr && is_own(device)) {
    *count = 0;
    return NVML_SUCCESS;
  }
  return DRIVER(nvmlDeviceGetMaxMigDeviceCount, device, count);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device,
                                                 unsigned index,
                                                 nvmlDevice_t* mig_device) {
  return unless_own(device,
                    NVML_ERROR_NOT_SUPPORTED,
                    DRIVER_FUNCTION(nvmlDeviceGetMigDeviceHandleByIndex),
                    device,
                    index,
                    mig_device);
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig_device,
                                                          nvmlDevice_t* device) {
  return unless_own(mig_device,
                    NVML_ERROR_NOT_SUPPORTED,
                    DRIVER_FUNCTION(nvmlDeviceGetDeviceHandleFromMigDeviceHandle),
                    mig_device,
                    device);
}

// Lists of further GPUs: there are none.
nvmlReturn_t nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device,
                                              nvmlGpuTopologyLevel_t level,
                                              unsigned* count,
                                              nvmlDevice_t* devices) {
  if (viewing() && count != nullptr && is_own(device)) {
    *count = 0;
    return NVML_SUCCESS;
  }
  return DRIVER(nvmlDeviceGetTopologyNearestGpus, device, level, count, devices);
}

nvmlReturn_t nvmlSystemGetTopologyGpuSet(unsigned cpu, unsigned* count, nvmlDevice_t* devices) {
  return viewing() ? NVML_ERROR_NOT_SUPPORTED
                   : DRIVER(nvmlSystemGetTopologyGpuSet, cpu, count, devices);
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_v1_t* data, unsigned timeout_ms) {
  return seen_event(DRIVER(nvmlEventSetWait, set, data, timeout_ms), data);
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t* data, unsigned timeout_ms) {
  return seen_event(DRIVER(nvmlEventSetWait_v2, set, data, timeout_ms), data);
}

// The one call whose answer is no code: a jump to migctl_compat_absent would give a number as text.
const char* nvmlErrorString(nvmlReturn_t result) {
  if (const auto function = DRIVER_FUNCTION(nvmlErrorString)) {
    return function(result);
  }
  return result == NVML_ERROR_LIBRARY_NOT_FOUND ? driver_trouble() : "Unknown Error";
}

}  // extern "C"
