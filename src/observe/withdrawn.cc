// SPDX-License-Identifier: Apache-2.0
#include "observe/withdrawn.h"

namespace mig::observe {

MachineSample without_readings(const MachineSample& sample) {
  MachineSample out;
  out.time_ms = sample.time_ms;
  out.tick = sample.tick;
  out.interval_seconds = sample.interval_seconds;
  out.generation = sample.generation;
  out.simulated = sample.simulated;
  out.simulated_machine = sample.simulated_machine;
  out.driver_version = sample.driver_version;
  out.nvml_version = sample.nvml_version;
  out.hostname = sample.hostname;
  out.collectors = sample.collectors;
  out.withdrawn = sample.withdrawn;
  return out;
}

MachineSample withdrawn(const MachineSample& last, const std::string& why, std::int64_t time_ms) {
  MachineSample out = without_readings(last);
  out.time_ms = time_ms;
  out.withdrawn = why;
  for (CollectorHealth& collector : out.collectors) {
    collector.success = false;
    collector.error = why;
  }
  return out;
}

}  // namespace mig::observe
