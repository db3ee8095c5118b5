// SPDX-License-Identifier: Apache-2.0
// A program that we run for ourselves: in a process group of its own, its output kept (bounded),
// and stopped with everything that it started when the Worker goes - by the kernel, should we be
// killed.
//
// Threading: one Worker from one thread; that thread must outlive it. No shell anywhere.
//
//   MIG_ASSIGN_OR_RETURN(Worker hog, Worker::start({{path, "hog", "dram"}, {}, {}, {}}));
//   hog.wait_output("\n", 30s);   hog.stop(10s);
#ifndef MIGCTL_LAUNCH_WORKER_H_
#define MIGCTL_LAUNCH_WORKER_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

struct WorkerRequest {
  std::vector<std::string> argv;                                 // argv[0] is a path
  std::vector<std::pair<std::string, std::string>> environment;  // over ours
  std::vector<std::string> unset;                                // not of ours
  std::string input;  // on its standard input, which then ends (at most 4 KiB)
};

class Worker {
 public:
  // kNotFound or kPermission when it cannot be started.
  static Result<Worker> start(const WorkerRequest& request);
  ~Worker();  // kills the group and waits
  Worker(Worker&&) noexcept;
  Worker& operator=(Worker&&) noexcept;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int pid() const;

  // False once it has ended. Takes in what it printed.
  bool running();

  // True when `text` is in its output; false when it ends without, time is over or `stop` is set.
  bool wait_output(std::string_view text,
                   std::chrono::milliseconds patience,
                   const std::atomic<bool>* stop = nullptr);

  // True when it has ended in time.
  bool wait(std::chrono::milliseconds patience, const std::atomic<bool>* stop = nullptr);

  // SIGTERM, then SIGKILL to the group after `grace`; returns when it is gone.
  void stop(std::chrono::milliseconds grace);

  // After its end: the code, 128 + n when signal n ended it; -1 before.
  int exit_code() const;
  // What it printed, at most 64 KiB of each.
  const std::string& output() const;
  const std::string& errors() const;

 private:
  struct State;
  explicit Worker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_WORKER_H_
