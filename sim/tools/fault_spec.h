// SPDX-License-Identifier: Apache-2.0
// What `sim inject` is asked for, as text, and how it becomes a Fault.
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

// One fault as the options or a line of a file name it; exactly one of the actions is given.
struct FaultSpec {
  std::string call;  // exported function, or "*"; "" = now (lost and xid only)
  std::optional<std::uint32_t> gpu, gi, ci;
  std::uint32_t nth = 1;
  std::uint32_t repeat = 1;  // 0 = for ever
  std::string fail;          // "NVML_ERROR_IN_USE"
  std::string hang;          // "500ms" or "forever"
  std::string kill;          // "before" or "after"
  bool lost = false;
  std::optional<std::uint32_t> xid;
};

struct LatencySpec {
  std::string function;
  std::string time;  // what a call takes on this machine, "100ms"
};

// "1500us", "500ms", "2s"; up to an hour.
bool parse_duration(std::string_view text, std::uint64_t& ns);

// The code of "NVML_ERROR_IN_USE" or "IN_USE"; nullopt for other texts.
std::optional<int> nvml_code(std::string_view name);
std::string nvml_name(int code);

// Refuses a name that libnvidia-ml.so.1 (R580) does not export, with the nearest that it does.
Problem check_function(const std::string& name);

// Checks one fault against the machine; `out` is the table entry.
Problem make_fault(const FaultSpec& spec, std::uint32_t gpu_count, Fault& out);

// "FUNCTION=100ms"
Problem parse_latency_option(const std::string& text, LatencySpec& out);

// {"faults": [{"call": ..., "nth": 2, "fail": "NVML_ERROR_..."}], "latencies": {"FUNCTION":
// "100ms"}}
Problem load_faults(const std::string& path,
                    std::vector<FaultSpec>& faults,
                    std::vector<LatencySpec>& latencies);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_FAULT_SPEC_H_
