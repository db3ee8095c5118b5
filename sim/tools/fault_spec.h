// SPDX-License-Identifier: Apache-2.0
// Faults and latencies of `sim inject` as text, and their conversion to a Fault.
#ifndef MIGCTL_SIM_TOOLS_FAULT_SPEC_H_
#define MIGCTL_SIM_TOOLS_FAULT_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/state.h"
#include "sim/tools/problem.h"

namespace migsim {

// One fault, as options or a line of a file describe it; exactly one action is set.
struct FaultSpec {
  std::string call;  // exported function, or "*"; "" = at once (lost, xid, memory, recovery)
  std::optional<std::uint32_t> gpu, gi, ci;
  std::uint32_t nth = 1;
  std::uint32_t repeat = 1;  // 0 = for ever
  std::string fail;          // "NVML_ERROR_IN_USE"
  std::string hang;          // "500ms" or "forever"
  std::string kill;          // "before" or "after"
  bool lost = false;
  std::optional<std::uint32_t> xid;
  std::string memory;    // at once: "uncorrected", "remap-pending" or "remap-failed"
  std::string recovery;  // at once: "none", "reset", "reboot", "drain" or "drain-and-reset"
};

struct LatencySpec {
  std::string function;
  std::string time;  // latency of the call on this machine: "100ms"
};

// Parses "1500us", "500ms", "2s"; at most an hour.
bool parse_duration(std::string_view text, std::uint64_t& ns);

// NVML return code of "NVML_ERROR_IN_USE" or "IN_USE"; nullopt for other texts.
std::optional<int> nvml_code(std::string_view name);
std::string nvml_name(int code);

// Error for a name that libnvidia-ml.so.1 (R580) does not export; names the nearest exported ones.
Problem check_function(const std::string& name);

// Checks one fault against the machine; `out` receives the entry of the fault table.
Problem make_fault(const FaultSpec& spec, std::uint32_t gpu_count, Fault& out);

// Parses "FUNCTION=100ms".
Problem parse_latency_option(const std::string& text, LatencySpec& out);

// Reads a file of the form {"faults": [{"call": ..., "nth": 2, "fail": "NVML_ERROR_..."}],
// "latencies": {"FUNCTION": "100ms"}}.
Problem load_faults(const std::string& path,
                    std::vector<FaultSpec>& faults,
                    std::vector<LatencySpec>& latencies);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_FAULT_SPEC_H_
