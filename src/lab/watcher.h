// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: a daemon of the lab's own on a private simulated machine, whose sampler watches
// while trainings run. Threading: one thread.
#ifndef MIGCTL_LAB_WATCHER_H_
#define MIGCTL_LAB_WATCHER_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "lab/chapter.h"

namespace mig::lab {

// `migctl serve`, ended with this object.
class Daemon {
 public:
  // `socket`: where it listens. On a simulated machine only: on hardware a daemon closes device
  // nodes, which is the administrator's to decide.
  static Result<Daemon> start(const Terminal& terminal, const std::string& socket);

  ~Daemon();
  Daemon(Daemon&&) = default;
  Daemon& operator=(Daemon&&) = delete;
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Body of the answer to GET.
  Result<std::string> get(const std::string& target) const;

  const std::string& typed() const { return typed_; }

 private:
  Daemon(launch::Worker worker, std::string socket, std::string typed)
      : worker_(std::move(worker)), socket_(std::move(socket)), typed_(std::move(typed)) {}

  launch::Worker worker_;
  std::string socket_, typed_;
};

// One tick of an instance.
struct Tick {
  double seconds = 0;  // since the first tick
  std::uint32_t gi = 0;
  std::string profile;
  std::optional<double> sm, dram, memory_mib, watts;
};

// From /v1/history?period=tick: instances only.
std::vector<Tick> ticks_of(const std::string& history);

// A line for each instance of what `value` picks; empty when no tick has it.
std::vector<report::Line> lines_of(const std::vector<Tick>& ticks,
                                   std::optional<double> Tick::*value);

// Trainings on the devices, started one after the other, so that the chart has steps; ends with
// all of them. Marks: when each began and ended, on the ticks' clock.
std::vector<report::Mark> train_in_turn(const Terminal& terminal,
                                        const std::vector<Device>& devices,
                                        double seconds_each);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_WATCHER_H_
