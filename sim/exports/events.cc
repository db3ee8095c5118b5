// SPDX-License-Identifier: Apache-2.0
// Event sets: events of registered GPUs since registration, in order. Waiting polls the machine's
// ring of events; nothing wakes the waiting thread.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(5);
constexpr std::uint64_t kSupported = nvmlEventTypeAll & ~nvmlEventTypePowerSourceChange;

struct Registration {
  std::uint32_t gpu = 0;
  std::uint64_t types = 0;
  std::uint64_t seen = 0;  // sequence number of the last event delivered or too old
};

struct EventSet {
  std::mutex mutex;
  std::vector<Registration> registrations;
};

// Shared ownership: a set freed by one thread while another waits on it lives until the wait ends.
struct EventSets {
  std::mutex mutex;
  std::map<const void*, std::shared_ptr<EventSet>> sets;

  static EventSets& get() {
    static auto* instance = new EventSets;
    return *instance;
  }

  std::shared_ptr<EventSet> find(const void* handle) {
    const std::lock_guard lock(mutex);
    const auto found = sets.find(handle);
    return found == sets.end() ? nullptr : found->second;
  }

  void* add() {
    auto set = std::make_shared<EventSet>();
    const std::lock_guard lock(mutex);
    sets[set.get()] = set;
    return set.get();
  }

  bool remove(const void* handle) {
    const std::lock_guard lock(mutex);
    return sets.erase(handle) != 0;
  }
};

void deliver(const Event& event, nvmlEventData_t& out) {
  out.device = gpu_handle(event.gpu);
  out.eventType = event.type;
  out.eventData = event.data;
  out.gpuInstanceId = event.gi;
  out.computeInstanceId = event.ci;
}

void deliver(const Event& event, nvmlEventData_v1_t& out) {
  out.device = gpu_handle(event.gpu);
  out.eventType = event.type;
  out.eventData = event.data;
}

// The oldest undelivered event that a registration matches; null when there is none.
const Event* next_event(const State& state, const EventSet& set) {
  const Event* oldest = nullptr;
  for (const Event& event : state.events) {
    for (const Registration& r : set.registrations) {
      if (event.sequence > r.seen && event.gpu == r.gpu && (event.type & r.types) != 0 &&
          (oldest == nullptr || event.sequence < oldest->sequence)) {
        oldest = &event;
      }
    }
  }
  return oldest;
}

enum class Look { kNothing, kEvent, kLost };

template <class Data>
Look look(Machine& machine, EventSet& set, Data& data) {
  const Machine::View view(machine);  // lock order: View, then the set
  const std::lock_guard lock(set.mutex);
  if (const Event* event = next_event(*view, set)) {
    deliver(*event, data);
    for (Registration& r : set.registrations) {
      r.seen = std::max(r.seen, event->sequence);
    }
    return Look::kEvent;
  }
  for (const Registration& r : set.registrations) {
    if (view->gpus[r.gpu].lost != 0) {
      return Look::kLost;
    }
  }
  return Look::kNothing;
}

template <class Data>
nvmlReturn_t wait(const char* function, nvmlEventSet_t handle, Data* data, unsigned timeout_ms) {
  return call(function, [&](Machine& machine) {
    const std::shared_ptr<EventSet> set = EventSets::get().find(handle);
    if (!set || data == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (true) {
      const Look seen = look(machine, *set, *data);
      if (seen != Look::kNothing) {
        return seen == Look::kEvent ? NVML_SUCCESS : NVML_ERROR_GPU_IS_LOST;
      }
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline) {
        return NVML_ERROR_TIMEOUT;
      }
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(kLookEvery, deadline - now));
    }
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t* set) {
  return call(__func__, [&](Machine&) {
    return set == nullptr ? NVML_ERROR_INVALID_ARGUMENT
                          : put(static_cast<nvmlEventSet_t>(EventSets::get().add()), set);
  });
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
  return call(__func__, [&](Machine&) {
    return EventSets::get().remove(set) ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long* types) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(kSupported, types); });
}

// GPUs only: NVML reports no events by MIG device.
nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device,
                                      unsigned long long types,
                                      nvmlEventSet_t set) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const std::shared_ptr<EventSet> events = EventSets::get().find(set);
    if (!events) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if ((types & ~kSupported) != 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    const std::lock_guard lock(events->mutex);
    events->registrations.push_back({s.ref.gpu, types, s.state().event_sequence});
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_v1_t* data, unsigned timeout_ms) {
  return wait(__func__, set, data, timeout_ms);
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t* data, unsigned timeout_ms) {
  return wait(__func__, set, data, timeout_ms);
}

}  // extern "C"
