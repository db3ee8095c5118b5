// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/machine_watch.h"

#include <chrono>
#include <utility>

#include "client/instances.h"

namespace mig::kube {
namespace {

constexpr std::chrono::seconds kPeriod{2};
constexpr std::chrono::seconds kReadPatience{10};

Result<MachineState> read(const client::Instances& migd, const std::string& version) {
  MachineState state;
  MIG_ASSIGN_OR_RETURN(state.inventory, migd.inventory(version, kReadPatience));
  MIG_ASSIGN_OR_RETURN(state.leases, migd.leases(kReadPatience));
  return state;
}

}  // namespace

MachineWatch::MachineWatch(std::string socket, std::string version, MachineHandlers handlers)
    : socket_(std::move(socket)),
      version_(std::move(version)),
      handlers_(std::move(handlers)),
      thread_([this] { run(); }) {}

MachineWatch::~MachineWatch() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void MachineWatch::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void MachineWatch::run() {
  const client::Instances migd(socket_);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kPeriod, [this] { return woken_ || ended_; });
      if (ended_) {
        return;
      }
      woken_ = false;
    }
    auto state = read(migd, version_);
    handlers_.on_state(state ? "" : state.error().text());
    if (state) {
      handlers_.on_reading(std::make_shared<const MachineState>(*std::move(state)));
    }
  }
}

}  // namespace mig::kube
