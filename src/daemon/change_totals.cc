// SPDX-License-Identifier: Apache-2.0
#include "daemon/change_totals.h"

#include <unistd.h>

#include <utility>
#include <vector>

namespace mig::daemon {
namespace {

constexpr double kMillisecondsPerSecond = 1000;
// Changes that one call counts: each row holds two layouts.
constexpr std::int64_t kMostAtOnce = 100;

double seconds_between(std::int64_t begin_ms, std::int64_t end_ms) {
  return static_cast<double>(end_ms > begin_ms ? end_ms - begin_ms : 0) / kMillisecondsPerSecond;
}

}  // namespace

// Before the first change there is no journal: whatever it will hold is to be counted.
bool ChangeTotals::open() {
  if (journal_) {
    return true;
  }
  if (::access(path_.c_str(), F_OK) != 0) {
    begun_ = true;
    return false;
  }
  auto journal = store::Journal::open(path_);
  if (!journal) {
    return false;
  }
  journal_.emplace(std::move(*journal));
  return true;
}

void ChangeTotals::count(const ChangeRecord& change) {
  last_ = change.id;
  ++totals_[change.state];
  if (change.finished_ms) {
    last_seconds_ = seconds_between(change.started_ms, *change.finished_ms);
  }
}

// False: where the journal ended when the daemon started is not known yet.
bool ChangeTotals::begin() {
  if (begun_) {
    return true;
  }
  const auto newest = journal_->history(1);
  if (!newest) {
    return false;
  }
  if (!newest->empty()) {
    const ChangeRecord& change = newest->front();
    last_ = change.state == ChangeState::kOpen ? change.id - 1 : change.id;
  }
  begun_ = true;
  return true;
}

void ChangeTotals::add_to(expose::NodeFigures& figures, std::int64_t now_ms) {
  if (open() && begin()) {
    const auto changes = journal_->after(last_, kMostAtOnce);
    for (const ChangeRecord& change : changes.value_or(std::vector<ChangeRecord>())) {
      if (change.state == ChangeState::kOpen) {
        figures.open_change_seconds = seconds_between(change.started_ms, now_ms);
        break;  // at most one is open, and it is the newest
      }
      count(change);
    }
  }
  figures.changes = totals_;
  figures.last_change_seconds = last_seconds_;
}

}  // namespace mig::daemon
