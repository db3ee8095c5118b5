// SPDX-License-Identifier: Apache-2.0
#include "daemon/layout_recorder.h"

#include "service/usage.h"

namespace mig::daemon {
namespace {

constexpr std::int64_t kEveryMs = 60'000;

}  // namespace

Result<void> LayoutRecorder::write(std::int64_t at_ms) {
  if (last_.empty()) {
    return {};
  }
  if (!store_) {
    MIG_ASSIGN_OR_RETURN(store::Layouts opened, store::Layouts::open(path_));
    store_.emplace(std::move(opened));
  }
  for (store::LayoutSeen& one : last_) {
    one.first_ms = at_ms;
  }
  MIG_TRY(store_->note(last_));
  written_ms_ = at_ms;
  return {};
}

Result<void> LayoutRecorder::note(const MachineSample& sample) {
  if (!sample.withdrawn.empty() || sample.gpus.empty()) {
    return {};
  }
  const std::int64_t now = sample.time_ms;
  if (last_.empty() || sample.generation != generation_) {
    MIG_TRY(write(seen_ms_));  // up to here it was the one before
    last_ = service::layouts_of(sample);
    generation_ = sample.generation;
    written_ms_ = 0;
  }
  seen_ms_ = now;
  const bool due = written_ms_ == 0 || now - written_ms_ >= kEveryMs || now < written_ms_;
  return due ? write(now) : Result<void>();
}

}  // namespace mig::daemon
