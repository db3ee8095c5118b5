// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/cmd_inject.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include <nlohmann/json.hpp>

#include "abi/nvml.h"
#include "sim/machine/process.h"
#include "sim/tools/machines.h"
#include "sim/tree/tree.h"

namespace migsim {

namespace {

using Json = nlohmann::ordered_json;

bool names_fault(const FaultSpec& spec) {
  return !spec.call.empty() || !spec.fail.empty() || !spec.hang.empty() || !spec.kill.empty() ||
         spec.lost || spec.xid || !spec.memory.empty() || !spec.recovery.empty() || spec.gpu ||
         spec.gi || spec.ci;
}

// A memory fault, with the Xid that the driver reports for it: 48 an error that ECC could not
// correct, 63 a row that is remapped by the next reset, 64 one that cannot be (NVIDIA's
// documentation of GPU memory error management).
std::uint64_t fail_memory(GpuState& gpu, MemoryFault fault) {
  switch (fault) {
    case MemoryFault::kUncorrected:
      ++gpu.ecc_uncorrected;
      return 48;
    case MemoryFault::kRemapPending:
      gpu.remap_pending = 1;
      return 63;
    case MemoryFault::kRemapFailed:
      break;
  }
  gpu.remap_failed = 1;
  return 64;
}

// Applies a fault that is not tied to a call at once.
void happen(State& state, const Fault& fault) {
  if (fault.action == FaultAction::kGpuLost) {
    constexpr std::uint64_t kFallenOffTheBus = 79;
    state.gpus[fault.gpu].lost = 1;
    ++state.generation;
    raise_event(state, nvmlEventTypeXidCriticalError, kFallenOffTheBus, {fault.gpu, kNone, kNone});
    return;
  }
  if (fault.action == FaultAction::kMemory || fault.action == FaultAction::kRecovery) {
    constexpr std::uint64_t kRecoveryChanged = 154;
    GpuState& gpu = state.gpus[fault.gpu];
    std::uint64_t xid = kRecoveryChanged;
    if (fault.action == FaultAction::kMemory) {
      xid = fail_memory(gpu, static_cast<MemoryFault>(fault.code));
    } else {
      gpu.recovery_action = static_cast<std::uint32_t>(fault.code);
    }
    raise_event(state, nvmlEventTypeXidCriticalError, xid, {fault.gpu, kNone, kNone});
    return;
  }
  raise_event(state,
              nvmlEventTypeXidCriticalError,
              static_cast<std::uint64_t>(fault.code),
              {fault.gpu, fault.gi, fault.ci});
}

Problem add_fault(State& state, const Fault& fault) {
  if (fault.function[0] == '\0') {
    happen(state, fault);
    return {};
  }
  auto* free = std::find_if(
      std::begin(state.faults), std::end(state.faults), [](const Fault& f) { return f.used == 0; });
  if (free == std::end(state.faults)) {
    return {Exit::kTooLarge,
            "the machine has " + std::to_string(kMaxFaults) + " faults already",
            "migctl sim inject NAME --clear removes them"};
  }
  *free = fault;
  return {};
}

// The state stores the latency on hardware, of which the machine sleeps latency_permille
// thousandths; the user states the latency on this machine.
Problem add_latency(State& state, const LatencySpec& spec) {
  std::uint64_t ns = 0;
  if (Problem problem = check_function(spec.function); !problem.ok()) {
    return problem;
  }
  if (!parse_duration(spec.time, ns)) {
    return {Exit::kInvalidInput, "cannot wait \"" + spec.time + "\"", "write 100ms, 2s or 50us"};
  }
  if (state.options.latency_permille == 0) {
    return {Exit::kNotSupported,
            "the machine was made with --latency none and waits for nothing",
            "make it with --latency scaled or true, or use --call " + spec.function + " --hang " +
                spec.time + " --repeat 0"};
  }
  ns = ns * 1000 / state.options.latency_permille;
  auto* at = std::find_if(
      std::begin(state.latencies), std::end(state.latencies), [&](const Latency& latency) {
        return latency.function[0] == '\0' || spec.function == latency.function;
      });
  if (at == std::end(state.latencies)) {
    return {Exit::kTooLarge,
            "the machine has " + std::to_string(kMaxLatencies) + " latencies already",
            ""};
  }
  *at = {};
  std::memcpy(
      at->function, spec.function.data(), std::min(spec.function.size(), sizeof at->function - 1));
  at->ns = ns;
  return {};
}

Problem apply(const InjectRequest& request,
              const std::vector<FaultSpec>& faults,
              const std::vector<LatencySpec>& latencies,
              Machine& machine) {
  Machine::Change change(machine);
  if (request.clear) {
    std::fill(std::begin(change->faults), std::end(change->faults), Fault{});
  }
  for (const FaultSpec& spec : faults) {
    Fault fault;
    if (Problem problem = make_fault(spec, machine.hardware().gpu_count, fault); !problem.ok()) {
      return problem;
    }
    if (Problem problem = add_fault(*change, fault); !problem.ok()) {
      return problem;
    }
  }
  for (const LatencySpec& spec : latencies) {
    if (Problem problem = add_latency(*change, spec); !problem.ok()) {
      return problem;
    }
  }
  change.commit();
  return {};
}

// The kernel log has a line for each Xid.
Problem show(Machine& machine) {
  const Status status = sync_tree(machine);
  return status.ok() ? Problem{} : Problem{Exit::kIo, status.error, ""};
}

std::string action_text(const Fault& fault) {
  switch (fault.action) {
    case FaultAction::kFail:
      return "fail " + nvml_name(fault.code);
    case FaultAction::kHang:
      return "hang " + (fault.hang_ms == 0 ? "forever" : std::to_string(fault.hang_ms) + "ms");
    case FaultAction::kGpuLost:
      return "lost";
    case FaultAction::kKillBefore:
      return "kill before";
    case FaultAction::kKillAfter:
      return "kill after";
    case FaultAction::kXid:
    case FaultAction::kMemory:
    case FaultAction::kRecovery:
      break;
  }
  return "xid " + std::to_string(fault.code);
}

Json fault_json(const Fault& fault) {
  return {{"call", fault.function},
          {"gpu", fault.gpu == kNone ? Json(nullptr) : Json(fault.gpu)},
          {"nth", fault.nth},
          {"repeat", fault.repeat},
          {"action", action_text(fault)},
          {"calls", fault.seen}};
}

void print_faults(const State& state, bool json) {
  Json list = Json::array();
  for (const Fault& fault : state.faults) {
    if (fault.used != 0) {
      list.push_back(fault_json(fault));
    }
  }
  if (json) {
    const Json document = {{"apiVersion", "migctl/v1"},
                           {"kind", "SimulatedFaultList"},
                           {"simulated", true},
                           {"faults", list}};
    std::puts(document.dump(2).c_str());
    return;
  }
  for (const Json& fault : list) {
    std::printf("%s  GPU %s  call %u, %s times: %s  (%u calls so far)\n",
                fault.at("call").get<std::string>().c_str(),
                fault.at("gpu").is_null() ? "any" : fault.at("gpu").dump().c_str(),
                fault.at("nth").get<unsigned>(),
                fault.at("repeat") == 0 ? "unlimited" : fault.at("repeat").dump().c_str(),
                fault.at("action").get<std::string>().c_str(),
                fault.at("calls").get<unsigned>());
  }
  if (list.empty()) {
    std::puts("no faults");
  }
}

}  // namespace

Problem cmd_inject(const InjectRequest& request) {
  std::unique_ptr<Machine> machine;
  const bool looks = request.list && !request.clear && request.file.empty() &&
                     request.latencies.empty() && !names_fault(request.fault);
  if (Problem problem = looks ? open_machine(request.name, machine)
                              : open_machine_to_change(request.name, machine);
      !problem.ok()) {
    return problem;
  }
  std::vector<FaultSpec> faults;
  std::vector<LatencySpec> latencies;
  if (!request.file.empty()) {
    if (Problem problem = load_faults(request.file, faults, latencies); !problem.ok()) {
      return problem;
    }
  }
  const bool only_tells =
      request.clear || request.list || !request.file.empty() || !request.latencies.empty();
  if (names_fault(request.fault) || !only_tells) {
    faults.push_back(request.fault);
  }
  for (const std::string& text : request.latencies) {
    LatencySpec& latency = latencies.emplace_back();
    if (Problem problem = parse_latency_option(text, latency); !problem.ok()) {
      return problem;
    }
  }
  if (request.clear || !faults.empty() || !latencies.empty()) {
    if (Problem problem = apply(request, faults, latencies, *machine); !problem.ok()) {
      return problem;
    }
    if (Problem problem = show(*machine); !problem.ok()) {
      return problem;
    }
  }
  if (request.list || request.json) {
    const Machine::View view(*machine);
    print_faults(*view, request.json);
  }
  return {};
}

}  // namespace migsim
