// SPDX-License-Identifier: Apache-2.0
// Runs a job: its command on one free MIG instance, or once on each of several. Takes the
// instances, tells each command which is its own and shuts it in there, keeps the job's record and
// logs, and passes signals and exit codes through.
//
// Free: no process of the driver's list on it, and no claim. A claim is a lock file that the
// command keeps open, so it lasts as long as the command (and its own children), even when we are
// killed. Where leases are kept, they shut others out; the claims stay for who knows no leases.
//
// Threading: one job at a time per process, which must have one thread (children are forked,
// signals blocked meanwhile). No shell anywhere.
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

#include "base/proc_root.h"
#include "launch/confine.h"
#include "launch/supervise.h"
#include "model/instance.h"
#include "model/job.h"

namespace mig::launch {

struct RunRequest;

// Instances that are the job's for as long as `until` lives, and when we are killed, for as long as
// the process that was named to `started` for it.
struct Leased {
  std::vector<Instance> instances;
  std::shared_ptr<void> until;
  std::function<void(std::size_t which, int pid)> started = {};
  std::optional<std::chrono::milliseconds> limit = {};  // they are taken away then
};

// Whether a command is shut in with its instance's device nodes.
enum class Devices {
  kAuto,  // where the kernel permits it; a note says when not
  kOwn,   // or the job does not start
  kAll,   // it is not
};

// What is run, once on each instance.
struct JobCommand {
  std::vector<std::string> argv = {};                                 // argv[0]: looked up in $PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the caller's
  std::string name = {};                                              // of the job; "" = none
  RestartPolicy restart = {};
  Devices devices = Devices::kAuto;
  bool together = false;  // the commands are PyTorch's ranks of one training
  bool log = false;       // output goes to files of the job's; always so with several commands
  bool detached = false;  // nobody is there to see it
};

// On which instances.
struct JobPlace {
  Need selection = {};
  std::uint32_t count = 1;            // instances, and commands
  bool every = false;                 // in place of `count`: all instances that match
  bool create = false;                // with a lease: made from free slices when there is none
  std::uint32_t shared = 1;           // with a lease: on an instance with so many others
  std::chrono::milliseconds wait{0};  // for instances to come free
};

struct JobLimits {
  std::optional<std::chrono::milliseconds> timeout = {};  // of the job, once it has its instances
  std::chrono::milliseconds grace{10'000};                // between SIGTERM and SIGKILL
};

// Told while the job goes its way; each may be empty.
struct JobObserver {
  std::function<void(const Instance&, std::uint32_t rank)> on_start =
      {};                                                     // before its command starts
  std::function<void(const std::string& why)> on_wait = {};   // once, when the job has to wait
  std::function<void(const std::string& line)> on_note = {};  // what the user should know
  // Nobody needs to look on any more: the job waits for instances, or all commands were started.
  // Once.
  std::function<void(std::int64_t job)> on_its_way = {};
  std::function<void(const std::string& text)> on_output = {};  // of logged commands, as it comes
};

struct RunRequest {
  JobCommand command;
  JobPlace where;
  JobLimits limits;
  JobObserver observer;
  // Where leases are kept, who takes them (`count` or all that match); without, a claim against
  // other runs is all.
  std::function<Result<Leased>(const RunRequest&)> lease = {};
};

struct RunResult {
  std::vector<Instance> instances;  // of each rank
  JobEnd end;
  std::int64_t job = 0;  // 0 = it could not be recorded

  JobOutcome outcome() const;  // for those who waited
};

using ReadInventory = std::function<Result<Inventory>()>;

// Folders of the machine and the user.
struct RunPlaces {
  std::string claims;  // made when missing
  std::string jobs;    // made when missing; records and logs (launch/job_book.h)
  DeviceRoots devices;
  std::string proc = base::proc_root();
};

// kNothingMatched: no such instance exists (what there is, in the hint); kInUse: all that match are
// busy, by whom; kTimeout: they stayed so.
Result<RunResult> run_job(const RunRequest& request,
                          const ReadInventory& read,
                          const RunPlaces& places);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RUN_H_
