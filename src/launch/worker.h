// SPDX-License-Identifier: Apache-2.0
// A helper program: a child process in a process group of its own, with captured output (bounded).
// The destructor kills the whole group; after a SIGKILL of this process the kernel does
// (PR_SET_PDEATHSIG).
//
// Threading: not thread-safe; the creating thread must outlive it (PR_SET_PDEATHSIG). No shell
// anywhere.
//
//   MIG_ASSIGN_OR_RETURN(Worker hog, Worker::start({{path, "hog", "dram"}, {}, {}, {}}));
//   hog.wait_output("\n", 30s);   hog.stop(10s);
#ifndef MIGCTL_LAUNCH_WORKER_H_
#define MIGCTL_LAUNCH_WORKER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

struct WorkerRequest {
  std::vector<std::string> argv;                                 // argv[0] is a path
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::vector<std::string> unset;                                // removed from it
  std::string input;        // written to its stdin, then closed (at most 4 KiB)
  bool hold_input = false;  // stdin stays open until release()
  // Both streams in output(), in the order in which they were written, as on a terminal.
  bool one_text = false;
  std::size_t most_output = std::size_t{64} << 10U;  // of each stream; what is beyond is discarded
  // Called with all that it prints, as it is read, on both streams; also beyond what is captured.
  std::function<void(std::string_view)> on_output = {};
};

class Worker {
 public:
  // kNotFound or kPermission when the program cannot be started.
  static Result<Worker> start(const WorkerRequest& request);
  ~Worker();  // kills the group and waits
  Worker(Worker&&) noexcept;
  Worker& operator=(Worker&&) noexcept;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int pid() const;

  // False once it has ended. Reads the available output.
  bool running();

  // True when `text` appears in the output; false when the program ends without it, the time is
  // over or `stop` is set.
  bool wait_output(std::string_view text,
                   std::chrono::milliseconds patience,
                   const std::atomic<bool>* stop = nullptr);

  // Closes its stdin, when that was held.
  void release();

  // True when it ended in time.
  bool wait(std::chrono::milliseconds patience, const std::atomic<bool>* stop = nullptr);

  // SIGTERM, then SIGKILL to the group after `grace`; returns when the group is gone.
  void stop(std::chrono::milliseconds grace);

  // Exit status after its end, 128 + n after death by signal n; -1 before.
  int exit_code() const;
  // Captured stdout and stderr, at most `most_output` each.
  const std::string& output() const;
  const std::string& errors() const;

 private:
  struct State;
  explicit Worker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_WORKER_H_
