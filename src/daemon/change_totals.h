// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: layout changes of the machine since the daemon started, whoever made them, as
// counters for metrics. Read from the journal, each change once. Threading: none.
#ifndef MIGCTL_DAEMON_CHANGE_TOTALS_H_
#define MIGCTL_DAEMON_CHANGE_TOTALS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "expose/render.h"
#include "store/journal.h"

namespace mig::daemon {

class ChangeTotals {
 public:
  // `path`: of the journal, which need not exist yet.
  explicit ChangeTotals(std::string path) : path_(std::move(path)) {}

  // Counts what has ended since the last call; the first one only remembers where the journal ends.
  // A journal that cannot be read leaves the totals as they were. `now_ms`: Unix time.
  void add_to(expose::NodeFigures& figures, std::int64_t now_ms);

 private:
  bool open();
  bool begin();
  void count(const ChangeRecord& change);

  std::string path_;
  std::optional<store::Journal> journal_;
  bool begun_ = false;
  std::int64_t last_ = 0;  // id of the last change that was counted
  std::map<ChangeState, std::uint64_t> totals_;
  std::optional<double> last_seconds_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_CHANGE_TOTALS_H_
