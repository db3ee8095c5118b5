// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/node_lock.h"

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "kubernetes/plugin/socket_place.h"

namespace mig::kube {
namespace {

// A predecessor ends within 5 s.
constexpr std::chrono::seconds kPatience{6};

}  // namespace

Result<base::FileLock> node_lock(const std::string& folder) {
  MIG_TRY(socket_folder(folder));
  auto lock = base::FileLock::acquire(
      folder + "/lock", kPatience, base::system_clock(), "mig-kubelet serves this node's kubelet");
  if (!lock && lock.error().code == ErrorCode::kConflict) {
    Error error = std::move(lock).error();
    error.hint = "one mig-kubelet per node: end the other one";
    return std::move(error).in("two components want this node's devices");
  }
  return lock;
}

}  // namespace mig::kube
