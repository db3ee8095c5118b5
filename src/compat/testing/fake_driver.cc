// SPDX-License-Identifier: Apache-2.0
// A driver's library for compat_test: two GPUs, and on the second the instance MIG-own beside
// MIG-other. It has few functions, so that the test sees what the view does about the others.
#include <cstdint>
#include <cstring>

#include "abi/nvml.h"

namespace {

char gpu0, gpu1, own, other;
int initialised = 0;

nvmlDevice_t handle(char& of) {
  return reinterpret_cast<nvmlDevice_t>(&of);
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlInit_v2() {
  ++initialised;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlShutdown() {
  return initialised-- > 0 ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

const char* nvmlErrorString(nvmlReturn_t) {
  return "said by the driver";
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned* count) {
  if (initialised == 0) {
    return NVML_ERROR_UNINITIALIZED;
  }
  *count = 2;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t* device) {
  *device = index == 0 ? handle(gpu0) : handle(gpu1);
  return index < 2 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* device) {
  const struct {
    const char* uuid;
    char& of;
  } known[] = {{"GPU-0", gpu0}, {"GPU-1", gpu1}, {"MIG-own", own}, {"MIG-other", other}};

  for (const auto& one : known) {
    if (std::strcmp(one.uuid, uuid) == 0) {
      *device = handle(one.of);
      return NVML_SUCCESS;
    }
  }
  return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, nvmlDevice_t* device) {
  *device = std::strcmp(bus_id, "0000:01:00.0") == 0 ? handle(gpu1) : handle(gpu0);
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig, nvmlDevice_t* device) {
  *device = handle(gpu1);
  return mig == handle(own) || mig == handle(other) ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned* is_mig) {
  *is_mig = device == handle(own) || device == handle(other) ? 1 : 0;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned* index) {
  *index = device == handle(own) ? 5 : 1;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t, unsigned* current, unsigned* pending) {
  *current = *pending = 1;
  return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t, nvmlEventData_t* data, unsigned timeout_ms) {
  *data = {handle(gpu1), 8, timeout_ms, 1, 0};
  return NVML_SUCCESS;
}

// Under the name of a call that the view forwards: more arguments than there are registers. What
// arrives here is what was given.
int many_arguments(std::uint64_t a,
                   std::uint64_t b,
                   std::uint64_t c,
                   std::uint64_t d,
                   std::uint64_t e,
                   std::uint64_t f,
                   std::uint64_t g,
                   std::uint64_t h,
                   double x,
                   std::uint64_t* out) __asm__("nvmlDeviceGetGpuOperationMode");

int many_arguments(std::uint64_t a,
                   std::uint64_t b,
                   std::uint64_t c,
                   std::uint64_t d,
                   std::uint64_t e,
                   std::uint64_t f,
                   std::uint64_t g,
                   std::uint64_t h,
                   double x,
                   std::uint64_t* out) {
  *out =
      a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + static_cast<std::uint64_t>(x * 9);
  return 77;
}

}  // extern "C"
