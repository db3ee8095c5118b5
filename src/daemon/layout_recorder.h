// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: keeps which layouts the GPUs had, from the sampler's ticks: at once when the
// layout changes, and once a minute that it is still the same. `migctl cost` reads it.
//
// Threading: not thread-safe.
#ifndef MIGCTL_DAEMON_LAYOUT_RECORDER_H_
#define MIGCTL_DAEMON_LAYOUT_RECORDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"
#include "store/layouts.h"

namespace mig::daemon {

class LayoutRecorder {
 public:
  explicit LayoutRecorder(std::string path) : path_(std::move(path)) {}

  // Every tick, also one that withdraws readings. An error is tried again with the next.
  Result<void> note(const MachineSample& sample);

 private:
  Result<void> write(std::int64_t at_ms);

  std::string path_;
  std::optional<store::Layouts> store_;
  std::vector<store::LayoutSeen> last_;
  std::uint64_t generation_ = 0;  // of last_
  std::int64_t seen_ms_ = 0;      // when it was last seen
  std::int64_t written_ms_ = 0;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_LAYOUT_RECORDER_H_
