// SPDX-License-Identifier: Apache-2.0
// The machine as migd reads it, kept up to date: read anew at each wake() and every few seconds.
// Threading: thread-safe; callbacks run on the watch's thread, one at a time.
#ifndef MIGCTL_KUBERNETES_MAIN_MACHINE_WATCH_H_
#define MIGCTL_KUBERNETES_MAIN_MACHINE_WATCH_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mig/inventory.h"

#include "model/lease_values.h"

namespace mig::kube {

struct MachineState {
  Inventory inventory;
  std::vector<lease::Lease> leases;
};

struct MachineHandlers {
  std::function<void(const std::shared_ptr<const MachineState>&)> on_reading;
  std::function<void(const std::string& trouble)> on_state;  // "" = migd answers
};

class MachineWatch {
 public:
  MachineWatch(std::string socket, std::string version, MachineHandlers handlers);
  ~MachineWatch();
  MachineWatch(const MachineWatch&) = delete;
  MachineWatch& operator=(const MachineWatch&) = delete;
  MachineWatch(MachineWatch&&) = delete;
  MachineWatch& operator=(MachineWatch&&) = delete;

  // Something has changed, or may have.
  void wake();

 private:
  void run();

  std::string socket_, version_;
  MachineHandlers handlers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = true, ended_ = false;
  std::jthread thread_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_MACHINE_WATCH_H_
