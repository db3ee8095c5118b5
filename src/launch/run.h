// SPDX-License-Identifier: Apache-2.0
// Runs a job: its command on one free MIG instance, or once on each of several. Acquires the
// instances, starts each command in the sandbox of its instance, keeps the job's record and logs,
// and forwards signals and exit codes.
//
// Free: no process of the driver's list on the instance, and no claim. A claim is a lock file that
// the command inherits, so it is held as long as the command or one of its children runs, even if
// this process is killed. Where leases are in use they exclude others, and who keeps them ends what
// the command leaves behind: the command inherits no claim.
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
#include "launch/containers.h"
#include "launch/index_view.h"
#include "launch/supervise.h"
#include "model/instance.h"
#include "model/job.h"

namespace mig::launch {

struct RunRequest;

// Leased instances: the job's while `until` lives and, if this process is killed, while the process
// that `place` was told of lives.
struct Leased {
  std::vector<Instance> instances;
  std::shared_ptr<void> until;
  // Announces a new process of the job before its exec, and has it placed in the lease's cgroup,
  // whose path is returned ("" = there is none). An error: it must not be started.
  std::function<Result<std::string>(std::size_t which, int pid)> place = {};
  std::optional<std::chrono::milliseconds> limit = {};  // they are revoked then
  std::vector<std::int64_t> ids = {};                   // of the leases
  std::string tenant = {};
  // Prepares a lease for a job that is a container; the path of the cgroup in which the engine must
  // make the container's, "" = none.
  std::function<Result<std::string>(std::size_t which, const lease::ContainerCgroups&)> containers =
      {};
  // They are not given back with the last reference to `until`: a container goes on in them.
  std::function<void()> leave = {};
};

// Device sandbox of a command.
enum class Devices {
  kAuto,  // if the kernel permits, else a note
  kOwn,   // required, else the job does not start
  kAll,   // no sandbox
};

// The command, run once on each instance.
struct JobCommand {
  std::vector<std::string> argv = {};                                 // argv[0]: looked up in $PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the caller's
  std::string name = {};                                              // name of the job; "" = none
  RestartPolicy restart = {};
  Devices devices = Devices::kAuto;
  std::optional<IndexView> index_view = {};  // its instance is its device 0; needs the sandbox
  bool together = false;                     // the commands are PyTorch ranks of one training
  bool log = false;       // output goes to log files of the job; always so with several commands
  bool detached = false;  // no terminal is attached
  // The command is an engine's client, whose words these tell for each instance (argv is for the
  // record). No sandbox of ours: the engine makes one.
  std::shared_ptr<Containers> containers = {};
};

// Criteria for the job's instances.
struct JobPlace {
  Need selection = {};
  std::uint32_t count = 1;            // number of instances, and of commands
  bool every = false;                 // all matching instances instead of `count`
  bool create = false;                // with a lease: create from free slices if there is none
  std::uint32_t shared = 1;           // with a lease: number of holders that share the instance
  std::chrono::milliseconds wait{0};  // for instances to become free
};

struct JobLimits {
  std::optional<std::chrono::milliseconds> timeout = {};  // of the job, once it has its instances
  std::chrono::milliseconds grace{10'000};                // between SIGTERM and SIGKILL
};

// Callbacks during the job; each may be empty.
struct JobObserver {
  std::function<void(const Instance&, std::uint32_t rank)> on_start =
      {};                                                     // called before its command starts
  std::function<void(const std::string& why)> on_wait = {};   // called once when it waits
  std::function<void(const std::string& line)> on_note = {};  // notes for the user
  // Called once when the caller may detach: the job waits for instances, or all commands have
  // started.
  std::function<void(std::int64_t job)> on_its_way = {};
  int show = -1;  // descriptor on which the output of logged commands appears; -1 = none
};

struct RunRequest {
  JobCommand command;
  JobPlace where;
  JobLimits limits;
  JobObserver observer;
  // Acquires leases (`count` or all that match), where leases are in use; empty: claims only.
  std::function<Result<Leased>(const RunRequest&)> lease = {};
};

struct RunResult {
  std::vector<Instance> instances;  // of each rank
  JobEnd end;
  std::int64_t job = 0;  // id; 0 = could not be recorded
  int output_lost = 0;   // errno where the output could not be shown; 0 = none

  JobOutcome outcome() const;  // result for the caller
};

using ReadInventory = std::function<Result<Inventory>()>;

// Folders for the machine and the user.
struct RunPlaces {
  std::string claims;  // lock files; made when missing
  std::string jobs;    // records and logs (launch/job_book.h); made when missing
  DeviceRoots devices;
  std::string proc = base::proc_root();
};

// kNothingMatched: no such instance exists (the hint names what does); kInUse: all matches are
// busy, with their holders; kTimeout: they stayed busy.
Result<RunResult> run_job(const RunRequest& request,
                          const ReadInventory& read,
                          const RunPlaces& places);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RUN_H_
