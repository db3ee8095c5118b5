// SPDX-License-Identifier: Apache-2.0
// The one-line JSON of a workload. Included by .cc files only (heavy).
#ifndef MIGCTL_WORKLOAD_OUTPUT_H_
#define MIGCTL_WORKLOAD_OUTPUT_H_

#include <cstdio>

#include <nlohmann/json.hpp>

#include "workload/jobs.h"

namespace workload {

using Json = nlohmann::ordered_json;

// Members common to all results.
inline Json result_json(const char* job, const Options& options, const DeviceInfo& device) {
  return {{"apiVersion", "migctl/v1"},
          {"kind", "WorkloadResult"},
          {"simulated", device.simulated},
          {"job", job},
          {"name", options.name},
          {"device", device.name},
          {"uuid", device.uuid}};
}

// Result of the info job; `allocated` bytes were granted (0: none requested).
Json info_json(const Options& options, const DeviceInfo& device, std::uint64_t allocated);

inline void print_line(const Json& document, std::FILE* out) {
  const std::string line =
      document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::fprintf(out, "%s\n", line.c_str());
}

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_OUTPUT_H_
