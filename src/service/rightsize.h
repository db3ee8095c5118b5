// SPDX-License-Identifier: Apache-2.0
// Right-sizing: runs a command on the whole GPU and on a share of it, measures rate, memory and
// activity, and says which profile is the smallest one for each target (advise/rightsize.h).
//
// The whole GPU and the share are instances where MIG is on (free ones, or made and removed again
// where the caller allows that), else the GPU itself and MPS with a limit of multiprocessors, by a
// server of our own in a private folder. The GPU is neither set nor reset; what is in use is left
// alone; all started programs are stopped.
//
// Threading: one at a time, from one thread.
//
//   service::RightsizeRequest request;
//   request.argv = {"python", "train.py"};
//   request.targets = {*rightsize::parse_target("speed=0.8")};
//   MIG_ASSIGN_OR_RETURN(request.places, service::rightsize_places(inventory, {}, taken));
//   MIG_ASSIGN_OR_RETURN(const rightsize::Report report, service::rightsize(node, request));
#ifndef MIGCTL_SERVICE_RIGHTSIZE_H_
#define MIGCTL_SERVICE_RIGHTSIZE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/rightsize_values.h"

namespace mig::node {
class Node;
}  // namespace mig::node

namespace mig::service {

inline constexpr double kLeastRightsizeSeconds = 0.2;
inline constexpr double kMostRightsizeSeconds = 3600;
inline constexpr double kRightsizeMemoryMargin = 0.1;
inline constexpr unsigned kLeastRightsizeRuns = 2, kMostRightsizeRuns = 8;

// A device to measure on. `uuid` is a value of CUDA_VISIBLE_DEVICES.
struct RightsizePlace {
  std::string uuid;     // "" = the instance has to be made first
  std::string label;    // for people
  std::string profile;  // of an instance; "" = a whole GPU without MIG
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  bool whole = false;  // all that MIG can give of the GPU, or the GPU without MIG
};

// The places of one GPU, smallest first; the last is the largest one.
struct RightsizePlaces {
  Gpu gpu;  // as read
  std::vector<RightsizePlace> at;
  bool make = false;  // instances are made for each run and removed after it
};

struct RightsizeSelection {
  std::optional<GpuIndex> gpu;
  bool make = false;  // instances may be made on a GPU with MIG on that has none
  std::map<std::string, std::string> taken = {};  // leased instances: holder by uuid
};

// The GPU with the largest free place, and all its free places. Pure. kNothingMatched: there is no
// GPU of that choice; kInUse: nothing of it is free.
Result<RightsizePlaces> rightsize_places(const Inventory& inventory,
                                         const RightsizeSelection& selection);

struct RightsizeRequest {
  std::vector<std::string> argv;  // argv[0]: looked up in $PATH
  RightsizePlaces places;
  rightsize::RateWords words;
  std::vector<rightsize::Target> targets;
  double seconds = 10;     // of the steady part of each run; a command that ends earlier is well
  double warm_up = 60;     // longest time until its first progress
  unsigned most_runs = 4;  // in all, without --check and those beside a stream
  bool check = false;      // run on the advised profile and the next smaller one
  bool bandwidth = false;  // MPS: once more beside a process that streams memory
  std::string workload;    // path of mig-workload: SMs under MPS, and the stream
  double memory_margin = kRightsizeMemoryMargin;
  // Keeps others from an instance while it is measured on; the result ends that. Empty: nobody
  // keeps leases.
  std::function<Result<std::shared_ptr<void>>(const std::string& uuid)> lease = {};
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const std::string&)> tell = [](const std::string&) {};  // progress
};

// Errors: the command cannot be started, or fails on the whole GPU; MPS is not to be had. A run on
// a smaller place that fails is in the report (out of memory: the profile does not hold it).
Result<rightsize::Report> rightsize(node::Node& node, const RightsizeRequest& request);

// A process that runs already: memory and activity for `seconds`, without a claim about speed.
Result<rightsize::Report> rightsize_process(node::Node& node, int pid, double seconds);

// From figures that the user has: no machine. Points by profile ("2g.10gb") or whole GPU ("full").
struct GivenPoint {
  std::string profile;
  double seconds = 0;  // of a unit
};

Result<rightsize::Report> rightsize_given(const Gpu& gpu,
                                          const std::vector<GivenPoint>& points,
                                          std::optional<std::uint64_t> peak_memory_mib,
                                          const std::vector<rightsize::Target>& targets,
                                          double memory_margin = kRightsizeMemoryMargin);

// --- The course's three models (exercise 6.1) ---

using rightsize::ModelRow;
using rightsize::ModelsReport;

struct ModelsRequest {
  RightsizePlaces places;
  std::vector<std::string> models = {"small", "medium", "large"};
  std::uint32_t batch = 128;
  std::string precision = "tf32";
  double seconds = 2;
  std::string workload;
  std::function<Result<std::shared_ptr<void>>(const std::string& uuid)> lease = {};
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const std::string&)> tell = [](const std::string&) {};
};

Result<ModelsReport> rightsize_models(node::Node& node, const ModelsRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_H_
