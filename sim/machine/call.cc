// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/call.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "abi/nvml.h"
#include "sim/machine/mapping.h"
#include "sim/machine/process.h"
#include "sim/machine/trace.h"

namespace migsim {

struct CallGate {
  static Mirror& mirror(Machine& machine) { return machine.impl_->header().mirror; }
};

namespace {

constexpr std::uint64_t kMs = 1'000'000;

struct DefaultLatency {
  std::string_view function;
  std::uint64_t ns;
};

// Latency on hardware of the calls that change the GPU. GPU instances: 0.13-0.16 s to create and
// 0.10-0.11 s to destroy one (FAR, A30), 0.11-0.12 s for either (MIG-Serving, A100). Compute
// instances, mode and reset: no published figure; each has the share that the whole
// reconfigurations in the same sources leave for such a call.
constexpr DefaultLatency kLatencies[] = {
    {"nvmlDeviceCreateGpuInstance", 140 * kMs},
    {"nvmlDeviceCreateGpuInstanceWithPlacement", 140 * kMs},
    {"nvmlGpuInstanceDestroy", 105 * kMs},
    {"nvmlGpuInstanceCreateComputeInstance", 100 * kMs},
    {"nvmlGpuInstanceCreateComputeInstanceWithPlacement", 100 * kMs},
    {"nvmlComputeInstanceDestroy", 100 * kMs},
    {"nvmlDeviceSetMigMode", 2000 * kMs},
    {"reset_gpu", 2000 * kMs},
    {"reboot", 20000 * kMs},
};

void wait_ns(std::uint64_t ns) {
  timespec left{static_cast<time_t>(ns / 1'000'000'000U), static_cast<long>(ns % 1'000'000'000U)};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

std::uint64_t latency_ns(Machine& machine, const char* function, const Mirror& mirror) {
  const std::uint64_t permille = mirror.latency_permille.load(std::memory_order_relaxed);
  if (permille == 0) {
    return 0;
  }
  std::uint64_t ns = default_latency_ns(function);
  if (mirror.latencies_armed.load(std::memory_order_relaxed) != 0) {
    const Machine::View view(machine);
    for (const Latency& latency : view->latencies) {
      if (std::strncmp(latency.function, function, sizeof(latency.function)) == 0) {
        ns = latency.ns;
      }
    }
  }
  return ns * permille / 1000;
}

// `by_name`: a fault of every call ("*") does not match.
bool matches(const Fault& fault, const char* function, std::uint32_t gpu, bool by_name) {
  return fault.used != 0 && (fault.gpu == kNone || gpu == kNone || fault.gpu == gpu) &&
         ((!by_name && std::strcmp(fault.function, "*") == 0) ||
          std::strncmp(fault.function, function, sizeof(fault.function)) == 0);
}

// Counts the call against every injected fault that matches the call; `fires` receives the first
// fault that fires. False when none does.
bool count_faults(
    State& state, const char* function, std::uint32_t gpu, bool by_name, Fault& fires) {
  bool fired = false;
  for (Fault& fault : state.faults) {
    if (!matches(fault, function, gpu, by_name)) {
      continue;
    }
    ++fault.seen;
    const bool now = fault.seen >= fault.nth &&
                     (fault.repeat == 0 || fault.seen < std::uint64_t{fault.nth} + fault.repeat);
    if (now && !fired) {
      fires = fault;
      fired = true;
    }
  }
  return fired;
}

// Applies the effect of a fault on the machine's state: a lost GPU, an Xid event.
void mark(const Hardware& hardware, State& state, const Fault& fault, std::uint32_t gpu) {
  const std::uint32_t hit = gpu != kNone ? gpu : fault.gpu;
  if (hit >= hardware.gpu_count) {
    return;
  }
  const Instance at{hit, fault.gi, fault.ci};
  if (fault.action == FaultAction::kGpuLost) {
    state.gpus[hit].lost = 1;
    ++state.generation;
    // Xid 79: the GPU has fallen off the bus.
    raise_event(state, nvmlEventTypeXidCriticalError, 79, {hit, kNone, kNone});
  } else if (fault.action == FaultAction::kXid) {
    raise_event(state,
                nvmlEventTypeXidCriticalError,
                static_cast<std::uint64_t>(std::max(fault.code, 0)),
                at);
  }
}

thread_local bool dies_at_end = false;

// Inside a container the process may be PID 1, which the kernel protects from its own SIGKILL: it
// then exits at once with 137, the status that shells report for SIGKILL.
void die() {
  ::kill(::getpid(), SIGKILL);
  ::_exit(128 + SIGKILL);
}

int carry_out(const Fault& fault) {
  switch (fault.action) {
    case FaultAction::kFail:
      return fault.code;
    case FaultAction::kGpuLost:
      return NVML_ERROR_GPU_IS_LOST;
    case FaultAction::kHang:
      if (fault.hang_ms != 0) {
        wait_ns(fault.hang_ms * kMs);
        return NVML_SUCCESS;
      }
      for (;;) {
        ::pause();
      }
    case FaultAction::kKillBefore:
      die();
      break;
    case FaultAction::kKillAfter:
      dies_at_end = true;
      break;
    case FaultAction::kXid:
    case FaultAction::kMemory:
    case FaultAction::kRecovery:
      break;
  }
  return NVML_SUCCESS;
}

int inject(Machine& machine, const char* function, std::uint32_t gpu, bool by_name = false) {
  Fault fault;
  bool fired = false;
  {
    Machine::Change change(machine);
    fired = count_faults(*change, function, gpu, by_name, fault);
    if (fired) {
      mark(machine.hardware(), *change, fault, gpu);
    }
    change.commit();
  }
  return fired ? carry_out(fault) : static_cast<int>(NVML_SUCCESS);
}

}  // namespace

std::uint64_t default_latency_ns(const char* function) {
  for (const DefaultLatency& latency : kLatencies) {
    if (latency.function == function) {
      return latency.ns;
    }
  }
  return 0;
}

int begin_call(Machine& machine, const char* function, std::uint32_t gpu) {
  Mirror& mirror = CallGate::mirror(machine);
  if (machine.writable()) {
    mirror.calls.fetch_add(1, std::memory_order_relaxed);
  }
  dies_at_end = false;
  if (mirror.faults_armed.load(std::memory_order_relaxed) != 0) {
    if (const int code = inject(machine, function, gpu); code != NVML_SUCCESS) {
      return code;
    }
  }
  if (gpu < kMaxGpus && (mirror.lost_gpus.load(std::memory_order_relaxed) >> gpu & 1U) != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (const std::uint64_t ns = latency_ns(machine, function, mirror); ns != 0) {
    wait_ns(ns);
  }
  return NVML_SUCCESS;
}

int faults_of(Machine& machine, const char* function) {
  if (CallGate::mirror(machine).faults_armed.load(std::memory_order_relaxed) == 0) {
    return NVML_SUCCESS;
  }
  dies_at_end = false;
  const int code = inject(machine, function, kNone, true);
  if (dies_at_end) {
    die();
  }
  return code;
}

void end_call(Machine& machine, const char* function, std::uint32_t gpu, int code) {
  (void)machine;
  trace_call(function, gpu, code);
  if (dies_at_end) {
    die();
  }
}

bool is_admin(const Machine& machine) {
  return machine.writable() && ::geteuid() == machine.opened_by() &&
         ::secure_getenv("MIGSIM_AS_USER") == nullptr;
}

}  // namespace migsim
