// SPDX-License-Identifier: Apache-2.0
// Reads how fast a command works from what it prints: lines "migctl-progress N" (N units done so
// far), mig-workload's own lines and result, or a user's regular expression. Bounded: lines longer
// than 1 KiB and readings beyond 100,000 are skipped.
//
// Threading: one thread. Time is the caller's, in seconds.
//
//   MIG_ASSIGN_OR_RETURN(Progress progress, Progress::reader({}));
//   progress.feed("migctl-progress 100\n", 1.5);  progress.feed("migctl-progress 200\n", 2.5);
//   progress.rate(1, 3)->per_second;   // 100
#ifndef MIGCTL_LAUNCH_PROGRESS_H_
#define MIGCTL_LAUNCH_PROGRESS_H_

#include <memory>
#include <optional>
#include <string_view>

#include "mig/result.h"

#include "model/rightsize_values.h"

namespace mig::launch {

class Progress {
 public:
  // kUsage for a regular expression that is none, or has too many groups.
  static Result<Progress> reader(const rightsize::RateWords& words);
  ~Progress();
  Progress(Progress&&) noexcept;
  Progress& operator=(Progress&&) noexcept;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void feed(std::string_view text, double now);

  // Time of the first sign of steady work; nullopt: none yet.
  std::optional<double> began() const;

  // Of the readings in [from, until]; a result that the command prints at its end counts always.
  std::optional<rightsize::Rate> rate(double from, double until) const;

  // A line said that device memory ran out.
  bool out_of_memory() const;

 private:
  struct State;
  explicit Progress(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_PROGRESS_H_
