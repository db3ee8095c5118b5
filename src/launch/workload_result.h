// SPDX-License-Identifier: Apache-2.0
// Parses the last line of mig-workload --json. A pure function.
#ifndef MIGCTL_LAUNCH_WORKLOAD_RESULT_H_
#define MIGCTL_LAUNCH_WORKLOAD_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mig::launch {

struct WorkloadResult {
  std::string error;  // "" = none
  std::optional<double> steps_per_second, step_ms_p50, step_ms_p99;
  std::optional<std::uint32_t> sm;
  std::optional<std::uint64_t> memory_total_bytes, memory_free_bytes, memory_held_bytes;
};

// nullopt when the last line is no WorkloadResult.
std::optional<WorkloadResult> workload_result(std::string_view output);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_WORKLOAD_RESULT_H_
