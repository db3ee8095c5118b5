// SPDX-License-Identifier: Apache-2.0
// Runs an isolation test: a training as the victim, alone and beside each neighbour, in every way
// of sharing that is asked for, round by round in an order drawn anew each round, so that a drift
// of the machine hits all alike. Nothing of the GPU is set or reset; all that is started is
// stopped.
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

// The neighbours there are: "hog dram" ... "fault trap" ... "oom".
const std::vector<std::string>& isolation_neighbours();

// Limits of what a user may ask for.
inline constexpr std::uint32_t kMostIsolationRounds = 100;
inline constexpr double kLeastIsolationSeconds = 0.1;
inline constexpr double kMostIsolationSeconds = 600;

struct IsolationRequest {
  std::string workload;            // path of mig-workload
  std::string precision = "tf32";  // of the victim: fp32, tf32, bf16
  std::string driver_version;      // for the report
  bool simulated = false;
  std::vector<isolation::ModeReport> modes;  // with places; isolation_places.h makes them
  std::vector<std::string> neighbours;
  std::uint32_t rounds = 5;
  double seconds = 3;
  std::uint64_t seed = 1;
  std::optional<std::uint32_t> mps_sm;           // nullopt: half of them
  std::optional<std::uint64_t> mps_memory_mib;   // nullopt: half of it
  const std::atomic<bool>* stop = nullptr;       // ends the test with what is there by then
  std::function<void(const std::string&)> tell;  // one line of progress each
};

// How long that will take, about, if nothing more is skipped.
double isolation_takes_seconds(const IsolationRequest& request);

// Errors: the workload or the MPS daemon does not start, the victim fails alone. A mode that needs
// MPS where there is none is skipped and says so.
Result<isolation::Report> test_isolation(const IsolationRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_ISOLATION_H_
