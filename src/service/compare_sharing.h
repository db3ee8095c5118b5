// SPDX-License-Identifier: Apache-2.0
// Compares ways to share a GPU: the same jobs one after another, time-sliced, under MPS, under MPS
// with limits and on MIG instances, in rounds whose order is drawn anew, so that a drift of the
// machine affects all alike; then the advice. The GPU is neither set nor reset; all started
// programs are stopped. Instances are the caller's to lease.
//
//   MIG_ASSIGN_OR_RETURN(request.ways, sharing_ways(inventory, selection));
//   request.energy_joules = energy_meter(node);
//   MIG_ASSIGN_OR_RETURN(const sharing::Report report, compare_sharing(request));
//
// Threading: one comparison at a time, from one thread.
#ifndef MIGCTL_SERVICE_COMPARE_SHARING_H_
#define MIGCTL_SERVICE_COMPARE_SHARING_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/sharing_values.h"

namespace mig::node {
class Node;
}

namespace mig::service {

inline constexpr std::uint32_t kLeastSharers = 2;
inline constexpr std::uint32_t kMostSharers = 16;

struct SharingSelection {
  std::uint32_t jobs = 2;
  std::vector<sharing::Way> ways;                 // in this order
  std::optional<GpuIndex> gpu;                    // the place of the ways with one place
  std::optional<ProfileName> profile;             // of the instances of `mig`
  std::map<std::string, std::string> taken = {};  // instances in use: holder by uuid
};

// Places of each way; impossible ones have the reason in `skipped`. The ways with one place have a
// free GPU without MIG, or else the largest free instance; `mig` has as large free instances as
// there are, on different GPU instances of one GPU of the same board. Errors: kNothingMatched for a
// selection that matches nothing, kInUse or kNoCapacity when no way can be had.
Result<std::vector<sharing::WayReport>> sharing_ways(const Inventory& inventory,
                                                     const SharingSelection& selection);

// The joules that a GPU has used since its driver was loaded; nullopt: it has no counter.
using EnergyMeter = std::function<std::optional<double>(GpuIndex)>;
EnergyMeter energy_meter(node::Node& node);

// 13040 = CUDA 13.4; nullopt: the driver does not tell.
std::optional<int> cuda_driver_version(node::Node& node);

// MiB of a board's largest instance below the whole GPU; nullopt: it has no MIG.
std::optional<std::uint64_t> largest_instance_mib(const Inventory& inventory, GpuIndex gpu);

struct CompareRequest {
  std::string workload;                   // path of mig-workload
  std::vector<std::string> command = {};  // the user's words; empty: `mig-workload train`
  std::string program;                    // path of the command's program; "": its first word
  // Of `command`: the one group is the job's rate, the last match counts. "": its last line is a
  // WorkloadResult with stepsPerSecond.
  std::string rate_regex;
  std::string precision = "tf32";  // of the training: fp32, tf32, bf16
  std::uint32_t batch = 128;
  std::string driver_version;
  std::optional<int> cuda_version = {};  // 13040 = CUDA 13.4
  bool simulated = false;
  std::uint32_t jobs = 2;
  std::vector<sharing::WayReport> ways;  // from sharing_ways()
  std::uint32_t rounds = 5;
  double seconds = 3;  // of each run
  std::uint64_t seed = 1;
  bool isolation = true;  // try each way beside a fault and a memory hog, too
  sharing::Wishes wishes;
  std::optional<std::uint64_t> largest_instance_mib;  // of the board; nullopt: it has no MIG
  EnergyMeter energy_joules = [](GpuIndex) { return std::nullopt; };
  const std::atomic<bool>* stop = nullptr;       // ends with the results so far
  std::function<void(const std::string&)> tell;  // progress, one line each
};

// Estimated duration, if no further way is skipped.
double sharing_takes_seconds(const CompareRequest& request);

// Errors: a program does not start, a job fails alone, no way can be had.
Result<sharing::Report> compare_sharing(const CompareRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_COMPARE_SHARING_H_
