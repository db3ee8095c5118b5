// SPDX-License-Identifier: Apache-2.0
// System events: a GPU's driver bound or unbound. The simulated machine raises none, so a wait
// always times out; arguments are checked all the same.
#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::uint64_t kKnown =
    nvmlSystemEventTypeGpuDriverUnbind | nvmlSystemEventTypeGpuDriverBind;

struct SystemSets {
  std::mutex mutex;
  std::uintptr_t next = 1;
  std::set<std::uintptr_t> known;

  static SystemSets& get() {
    static auto* instance = new SystemSets;
    return *instance;
  }

  bool has(nvmlSystemEventSet_t set) {
    const std::lock_guard lock(mutex);
    return known.count(reinterpret_cast<std::uintptr_t>(set)) != 0;
  }
};

// Checks the fields common to all requests, then runs `body`.
template <class Request, class Body>
nvmlReturn_t handle(const char* function, Request* request, unsigned version, Body&& body) {
  return call(function, [&](Machine&) {
    if (request == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return request->version == version ? body() : NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlSystemEventSetCreate(nvmlSystemEventSetCreateRequest_v1_t* request) {
  return handle(__func__, request, nvmlSystemEventSetCreateRequest_v1, [&] {
    SystemSets& sets = SystemSets::get();
    const std::lock_guard lock(sets.mutex);
    sets.known.insert(sets.next);
    request->set = reinterpret_cast<nvmlSystemEventSet_t>(sets.next++);  // NOLINT: opaque
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlSystemEventSetFree(nvmlSystemEventSetFreeRequest_v1_t* request) {
  return handle(__func__, request, nvmlSystemEventSetFreeRequest_v1, [&] {
    SystemSets& sets = SystemSets::get();
    const std::lock_guard lock(sets.mutex);
    return sets.known.erase(reinterpret_cast<std::uintptr_t>(request->set)) != 0
               ? NVML_SUCCESS
               : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlSystemRegisterEvents(nvmlSystemRegisterEventRequest_v1_t* request) {
  return handle(__func__, request, nvmlSystemRegisterEventRequest_v1, [&] {
    return SystemSets::get().has(request->set) && (request->eventTypes & ~kKnown) == 0
               ? NVML_SUCCESS
               : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlSystemEventSetWait(nvmlSystemEventSetWaitRequest_v1_t* request) {
  return handle(__func__, request, nvmlSystemEventSetWaitRequest_v1, [&] {
    if (!SystemSets::get().has(request->set) || request->data == nullptr ||
        request->dataSize == 0) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(request->timeoutms));
    request->numEvent = 0;
    return NVML_ERROR_TIMEOUT;
  });
}

}  // extern "C"
