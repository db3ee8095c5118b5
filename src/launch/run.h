// SPDX-License-Identifier: Apache-2.0
// Runs a command on a free MIG instance: chooses one, claims it against other runs on this machine,
// sets the environment, waits for the command and passes signals and its exit code through.
//
// Free: no process of the driver's list on it, and no claim. A claim is a lock file that the child
// keeps open, so it lasts as long as the command (and its own children), even when we are killed.
//
// Threading: one run at a time per process (signals are blocked while it lasts). No shell anywhere.
#ifndef MIGCTL_LAUNCH_RUN_H_
#define MIGCTL_LAUNCH_RUN_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::launch {

// Every criterion that is set must hold; none set: any instance.
struct Selection {
  std::optional<ProfileName> profile;  // of the compute instance: "1g.5gb", "1c.3g.20gb"
  std::string uuid;                    // "MIG-..."
  std::optional<GpuIndex> gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  std::optional<std::uint64_t> min_memory_mib;  // of several that fit the smallest is taken

  std::string str() const;  // "profile 1g.5gb on GPU 0"
};

struct Chosen {
  std::string uuid;
  ProfileName profile;
  GpuIndex gpu;
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  std::uint64_t memory_mib = 0;
};

struct RunRequest;

// Instances that are the job's for as long as `until` lives, and when we are killed, for as long as
// the process that was named to `started` for it.
struct Leased {
  std::vector<Chosen> instances;
  std::shared_ptr<void> until;
  std::function<void(std::size_t which, int pid)> started = {};
};

struct RunRequest {
  Selection selection;
  std::vector<std::string> argv;                                 // argv[0] is looked up in $PATH
  std::chrono::milliseconds wait{0};                             // for an instance to come free
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string name = {};                                         // of the job; "" = none
  // Where leases are kept, who takes `count` of them; without, a claim against other runs is all.
  std::function<Result<Leased>(const RunRequest&, std::uint32_t count)> lease = {};
  bool create = false;       // with `lease`: made from free slices when there is none
  std::uint32_t shared = 1;  // with `lease`: on an instance with so many others
  std::function<void(const Chosen&)> on_start;          // before the command starts
  std::function<void(const std::string& why)> on_wait;  // once, when it has to wait
};

struct RunResult {
  Chosen instance;
  int exit_code = 0;  // the command's; 128 + n when signal n ended it; 127 / 126 not started
  std::optional<int> signal;           // that ended it
  std::optional<Error> start_failure;  // why the command did not start (exit code 127 or 126)
};

using ReadInventory = std::function<Result<Inventory>()>;

// `runtime_dir`: folder for claims, made when missing. kNothingMatched: no such instance exists
// (what there is, in the hint); kInUse: all that match are busy, by whom.
Result<RunResult> run_on_instance(const RunRequest& request,
                                  const ReadInventory& read,
                                  const std::string& runtime_dir);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RUN_H_
