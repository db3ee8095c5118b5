// SPDX-License-Identifier: Apache-2.0
// The journal of layout changes, a write-ahead log: the intent of every driver call is on disk
// before the call, its result after. A change left open by a crash is completed or undone by
// recovery. Rows are plain values without knowledge of GPUs.
//
// Threading: one Journal from one thread at a time; the per-machine writer lock (apply/) keeps
// other writers out; readers may run at any time.
#ifndef MIGCTL_STORE_JOURNAL_H_
#define MIGCTL_STORE_JOURNAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "model/change_record.h"
#include "store/database.h"

namespace mig::store {

using mig::ChangeState;
using mig::name_of;
using ChangeRow = ChangeRecord;

enum class Direction { kDo, kUndo };

// A planned step as columns; the caller defines the meaning of `kind` and the numbers.
struct StepRow {
  std::int64_t sequence = 0;  // 0-based position in the plan
  std::string kind, gpu_uuid, profile;
  std::string board;  // GPU name, "" = not recorded
  std::int64_t gpu_index = 0, profile_id = 0, nvml_profile = 0;
  std::int64_t gpu_start = 0, gpu_size = 0;
  std::optional<std::int64_t> ci_start, ci_size;
  std::optional<std::int64_t> gpu_instance, compute_instance;
};

// One attempt at a step: an intent, and its result once known.
struct AttemptRow {
  std::int64_t sequence = 0;
  Direction direction = Direction::kDo;
  bool finished = false;
  bool succeeded = false;
  std::string message;
  std::optional<std::int64_t> gpu_instance, compute_instance;  // ids that the driver assigned
  std::optional<std::int64_t> took_us;                         // includes reading and read-back
};

// Duration of a completed step.
struct StepTimeRow {
  std::string kind, board, driver;
  std::int64_t took_us = 0;
};

class Journal {
 public:
  // The clock must outlive the Journal.
  static Result<Journal> open(const std::string& path, base::Clock& clock = base::system_clock());

  // Full integrity check of the file: run before a change that only the journal could undo.
  Result<void> check() { return database_.check(); }

  // Records a change and all its steps; returns its id. kConflict when one is still open.
  Result<std::int64_t> begin(const ChangeRow& change, const std::vector<StepRow>& steps);
  // Write-ahead record of a driver call; returns the attempt's id.
  Result<std::int64_t> intend(std::int64_t change, std::int64_t sequence, Direction direction);
  // Records the result after the call.
  Result<void> record(std::int64_t attempt,
                      bool succeeded,
                      const std::string& message,
                      std::optional<std::int64_t> gpu_instance,
                      std::optional<std::int64_t> compute_instance,
                      std::optional<std::int64_t> took_us = std::nullopt);
  Result<void> finish(std::int64_t change,
                      ChangeState state,
                      const std::string& message,
                      const std::string& after);

  Result<std::optional<ChangeRow>> open_change();
  Result<std::optional<ChangeRow>> find(std::int64_t change);
  Result<std::vector<ChangeRow>> history(std::int64_t limit);  // newest first
  // Changes with a greater id, oldest first.
  Result<std::vector<ChangeRow>> after(std::int64_t change, std::int64_t limit);
  // Names the lease that a change's instances were made for; the change says for which request.
  Result<void> credit(std::int64_t change, std::int64_t lease);
  // Changes that made instances for that key and were not rolled back, newest first; none for "".
  Result<std::vector<ChangeRow>> changes_for_key(const std::string& key, std::int64_t limit);
  // The first later change, not for that key, that made or destroyed what overlaps the placement,
  // reset the GPU, or was a whole layout of it (cause "apply", "undo", "restore", "migrate").
  Result<std::optional<ChangeRow>> touched_since(std::int64_t change,
                                                 const std::string& gpu_uuid,
                                                 std::int64_t start,
                                                 std::int64_t size,
                                                 const std::string& but_key);
  Result<std::vector<StepRow>> steps(std::int64_t change);
  Result<std::vector<AttemptRow>> attempts(std::int64_t change);  // in order
  // Durations of completed steps, newest first.
  Result<std::vector<StepTimeRow>> step_times(std::int64_t limit);

  const std::string& path() const { return database_.path(); }

 private:
  Journal(Database database, base::Clock& clock) : database_(std::move(database)), clock_(&clock) {}

  std::int64_t unix_ms() const;

  Database database_;
  base::Clock* clock_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_JOURNAL_H_
