// SPDX-License-Identifier: Apache-2.0
// Runs a program while nobody of ours has a GPU open: the daemon lets go, and the hooks of a hooks
// file stop other monitors (apply-start) and start them again (apply-exit), also when this process
// is killed. For what migctl cannot do itself: a reset by nvidia-smi, another driver.
#ifndef MIGCTL_SERVICE_QUIESCED_H_
#define MIGCTL_SERVICE_QUIESCED_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mig/hooks.h"
#include "mig/result.h"

namespace mig::service {

struct QuiescedRun {
  std::vector<std::string> command;  // argv[0] is looked up in $PATH
  Hooks hooks;                       // apply-start and apply-exit
  std::map<std::string, std::string> hook_variables;
  // Has the daemon close the GPUs; called again while the program runs. False: it did not.
  std::function<bool()> let_go;
  // Output of the hooks, after each list.
  std::function<void(const std::string& output)> printed;
  const std::atomic<bool>* stop = nullptr;  // when set, the program gets SIGTERM
};

// The program's exit code (128 + N: ended by signal N). An Error: it did not start; kInUse: the
// daemon did not let go, and nothing ran; kHook, kTimeout: a hook failed.
Result<int> run_quiesced(const QuiescedRun& run);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_QUIESCED_H_
