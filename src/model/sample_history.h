// SPDX-License-Identifier: Apache-2.0
// What instances did in the past: a row for each period and instance. Plain values.
#ifndef MIGCTL_MODEL_SAMPLE_HISTORY_H_
#define MIGCTL_MODEL_SAMPLE_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mig {

// One tick, or averages over a minute or an hour, of an instance or a GPU; shares in millionths.
// nullopt: never known in that time.
struct SampleRow {
  std::int64_t begin_s = 0;   // Unix time
  std::int64_t period_s = 0;  // 1, 60 or 3600
  std::string gpu_uuid;
  std::int64_t gpu_instance = -1;  // -1: the whole GPU
  std::int64_t generation = 0;
  std::string profile, tenant, job;  // the last ones of the period
  std::int64_t ticks = 0;            // that the averages are of
  std::optional<std::int64_t> sm, sm_max, dram, tensor, graphics, occupancy;
  std::optional<std::int64_t> memory_bytes, memory_max_bytes;
  std::optional<std::int64_t> power_mw;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_SAMPLE_HISTORY_H_
