// SPDX-License-Identifier: Apache-2.0
// Runs the commands of one job, one for each of its instances ("ranks"), to their end: forwards
// signals, restarts commands by the restart policy, and ends all after the timeout.
//
// Threading: one job at a time, in a single-threaded process (signals are blocked meanwhile, and
// children are forked).
#ifndef MIGCTL_LAUNCH_SUPERVISE_H_
#define MIGCTL_LAUNCH_SUPERVISE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "launch/child.h"
#include "launch/restart.h"

namespace mig::launch {

struct RankEnd {
  int exit_code = 0;                   // exit status; 128 + n after death by signal n
  std::optional<int> signal;           // signal that ended the command
  std::optional<Error> start_failure;  // exit_code is 127 (not found) or 126 (not executable)
  std::uint32_t restarts = 0;
};

struct SuperviseRequest {
  std::vector<ChildRequest> ranks;
  RestartPolicy restart;
  std::optional<std::chrono::milliseconds> timeout;  // of the whole job
  std::chrono::milliseconds grace{10'000};           // between SIGTERM and SIGKILL
  bool end_together = false;                         // the failure of one rank ends the others

  std::function<void(std::size_t rank, int pid)> on_started = {};
  // `again_in`: delay of the restart; nullopt: no restart.
  std::function<void(
      std::size_t rank, const RankEnd& end, std::optional<std::chrono::milliseconds> again_in)>
      on_ended = {};
  // Sends SIGTERM to what left the commands' process groups, when we end the job; and kills what
  // the commands left.
  std::function<void()> ask_rest = {};
  std::function<void()> kill_rest = {};
  std::function<void()> woken = {};  // called after each signal, of another child too
};

struct JobEnd {
  std::vector<RankEnd> ranks;
  bool timed_out = false;
  bool stopped = false;  // it was asked to end: by a signal, by its time, by a rank's failure

  // 124 after the timeout (as timeout(1)); else of the first failed rank; else 0.
  int exit_code() const;
};

JobEnd supervise(const SuperviseRequest& request);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_SUPERVISE_H_
