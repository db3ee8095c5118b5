// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/prepare_again.h"

#include <array>

namespace mig::kube {
namespace {

constexpr std::array<std::chrono::milliseconds, 3> kPrepareAgain{std::chrono::milliseconds(250),
                                                                 std::chrono::milliseconds(1000),
                                                                 std::chrono::milliseconds(4000)};
// The kubelet gives a call up after 45 s (1.36: defaultClientCallTimeout), and an attempt may take
// as long as a change of migd's.
constexpr std::chrono::seconds kLatestBegin{20};

// Errors that another attempt may not meet: the driver's, another change under way, migd away.
bool may_pass(ErrorCode code) {
  switch (code) {
    case ErrorCode::kDriver:
    case ErrorCode::kRolledBack:
    case ErrorCode::kNoCapacity:
    case ErrorCode::kConflict:
    case ErrorCode::kTimeout:
    case ErrorCode::kIo:
      return true;
    default:
      return false;
  }
}

}  // namespace

PrepareAgain::Prepared PrepareAgain::run(const std::string& uid, const Calls& calls) {
  const auto latest = calls.now() + kLatestBegin;
  {
    const std::lock_guard lock(mutex_);
    running_.insert(uid);
  }
  auto prepared = calls.once();
  for (const auto pause : kPrepareAgain) {
    if (prepared || !may_pass(prepared.error().code) || calls.now() + pause > latest ||
        calls.pause(pause) || calls.now() > latest || !wanted(uid)) {
      break;
    }
    calls.on_again(prepared.error());
    prepared = calls.once();
  }
  const std::lock_guard lock(mutex_);
  if (const auto own = running_.find(uid); own != running_.end()) {
    running_.erase(own);
  }
  return prepared;
}

void PrepareAgain::give_up(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  running_.erase(uid);
}

bool PrepareAgain::wanted(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  return running_.contains(uid);
}

}  // namespace mig::kube
