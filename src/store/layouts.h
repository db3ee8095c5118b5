// SPDX-License-Identifier: Apache-2.0
// Layouts as a daemon saw them: for each GPU, from when until when it had which. In a file of its
// own, so that nothing else waits for it. Rows are plain values without knowledge of GPUs.
//
// Bounds: the newest kMostSpans rows.
//
// Threading: as Database.
#ifndef MIGCTL_STORE_LAYOUTS_H_
#define MIGCTL_STORE_LAYOUTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "store/database.h"

namespace mig::store {

// A layout that was seen at both times, and at no time between them another one.
struct LayoutSeen {
  std::int64_t id = 0;
  std::string gpu_uuid, board;
  std::string layout;                      // the journal's encoding (apply/saved_layout.h)
  std::int64_t first_ms = 0, last_ms = 0;  // Unix time
};

class Layouts {
 public:
  static constexpr std::int64_t kMostSpans = 100'000;

  static Result<Layouts> open(const std::string& path);

  // The GPUs of a machine, all of them, as seen then: `seen` without ids and last_ms, at first_ms.
  // A GPU with the layout that it had continues its row; time that goes back begins a new one.
  Result<void> note(const std::vector<LayoutSeen>& seen);
  // Rows that have to do with [from, until): those inside, and of each GPU the last one before and
  // the first one after. By id.
  Result<std::vector<LayoutSeen>> rows(std::int64_t from_ms, std::int64_t until_ms);

 private:
  explicit Layouts(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_LAYOUTS_H_
