// SPDX-License-Identifier: Apache-2.0
// Runs an isolation test: a training as the victim, alone and beside each neighbour, in every
// requested way of sharing, in rounds of random order, so that a drift of the machine affects all
// cells alike. The GPU is neither set nor reset; all started programs are stopped.
//
// Threading: one test at a time, from one thread.
#ifndef MIGCTL_SERVICE_ISOLATION_H_
#define MIGCTL_SERVICE_ISOLATION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/isolation_values.h"

namespace mig::service {

// Names of the available neighbours: "hog dram" ... "fault trap" ... "oom".
const std::vector<std::string>& isolation_neighbours();

// Limits of the user's request.
inline constexpr std::uint32_t kMostIsolationRounds = 100;
inline constexpr double kLeastIsolationSeconds = 0.1;
inline constexpr double kMostIsolationSeconds = 600;

struct IsolationRequest {
  std::string workload;            // path of mig-workload
  std::string precision = "tf32";  // the victim's precision: fp32, tf32, bf16
  std::string driver_version;      // for the report
  bool simulated = false;
  std::vector<isolation::ModeReport> modes;  // with their places, from isolation_places.h
  std::vector<std::string> neighbours;
  std::uint32_t rounds = 5;
  double seconds = 3;
  std::uint64_t seed = 1;
  // Limits under MPS; nullopt: an equal part for each of `sharers`.
  std::optional<std::uint32_t> mps_sm;
  std::optional<std::uint64_t> mps_memory_mib;
  std::uint32_t sharers = 2;
  const std::atomic<bool>* stop = nullptr;       // stop flag: ends the test with the results so far
  std::function<void(const std::string&)> tell;  // progress callback, one line each
};

// Estimated duration, if no further mode is skipped.
double isolation_takes_seconds(const IsolationRequest& request);

// Errors: the workload or the MPS daemon does not start, the victim fails alone. A mode that needs
// MPS where it is not available is skipped with a reason.
Result<isolation::Report> test_isolation(const IsolationRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_H_
