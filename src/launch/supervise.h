// SPDX-License-Identifier: Apache-2.0
// Runs the commands of one job, one for each of its instances ("ranks"), to their end: passes
// signals on, starts again what ended as the policy says, and ends all when the time is over.
//
// Threading: one job at a time per process, on a process of one thread (signals are blocked while
// it lasts, and children are forked).
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
  int exit_code = 0;                   // 128 + n when signal n ended it
  std::optional<int> signal;           // that ended it
  std::optional<Error> start_failure;  // exit_code is 127 (not there) or 126 (not executable)
  std::uint32_t restarts = 0;
};

struct SuperviseRequest {
  std::vector<ChildRequest> ranks;
  RestartPolicy restart;
  std::optional<std::chrono::milliseconds> timeout;  // of the whole job
  std::chrono::milliseconds grace{10'000};           // between SIGTERM and SIGKILL
  bool end_together = false;                         // a rank that fails ends the others

  std::function<void(std::size_t rank, int pid)> on_started = {};
  // `again_in`: until it is started again; nullopt: that was its end.
  std::function<void(
      std::size_t rank, const RankEnd& end, std::optional<std::chrono::milliseconds> again_in)>
      on_ended = {};
  std::function<void()> kill_rest = {};  // SIGKILL to what the commands left running
  std::function<void()> tick = {};       // about ten times a second
};

struct JobEnd {
  std::vector<RankEnd> ranks;
  bool timed_out = false;

  // 124 when the time was over (as timeout(1) says); else of the first rank that failed; else 0.
  int exit_code() const;
};

JobEnd supervise(const SuperviseRequest& request);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_SUPERVISE_H_
