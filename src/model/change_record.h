// SPDX-License-Identifier: Apache-2.0
// Changes of a machine as values: the result of a change, and its record in the journal for history
// and recovery. Plain values.
#ifndef MIGCTL_MODEL_CHANGE_RECORD_H_
#define MIGCTL_MODEL_CHANGE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/error.h"
#include "mig/inventory.h"
#include "mig/plan.h"

#include "model/made_instance.h"

namespace mig {

enum class ChangeState { kOpen, kApplied, kRolledBack, kStuck, kRecovered };

const char* name_of(ChangeState state);  // "rolled_back"

struct ChangeRecord {
  std::int64_t id = 0;
  std::int64_t started_ms = 0;  // Unix time; never before an earlier change's
  std::optional<std::int64_t> finished_ms;
  std::string boot_id;  // boot id of the host at the start
  std::int64_t uid = 0;
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;  // start time of that process; 0 = not recorded
  std::string driver;            // driver version, "" = not recorded
  std::string user, command, reason;
  std::string before, after;  // layouts of the plan's GPUs (JSON, apply/saved_layout.h)
  std::int64_t generation = 0;
  ChangeState state = ChangeState::kOpen;
  std::string message;
  std::int64_t steps = 0;           // number of planned steps; 0 = the machine was as wanted
  std::string cause;                // "apply", "lease --create"; "" = not recorded
  std::optional<MadeFor> made_for;  // the request that the change made instances for
};

// A step with the result of its last driver call.
struct RecordedStep {
  Step step;
  std::string outcome;  // not_done | begun | done | failed | undo_begun | undone | undo_failed
  std::string message;  // why it failed; "" = it did not
  std::optional<GpuInstanceId> assigned = {};  // the id that the driver gave the created instance
};

// A change with all details.
struct ChangeDetails {
  ChangeRecord change;
  std::vector<RecordedStep> plan;
};

// Outcome of an executed change.
enum class Outcome { kUnchanged, kApplied, kRolledBack, kStuck };

const char* name_of(Outcome outcome);  // "rolled_back"

struct StepReport {
  Step step;
  bool done = false;
  bool undone = false;
  double milliseconds = 0;
};

struct ApplyResult {
  Outcome outcome = Outcome::kUnchanged;
  std::vector<StepReport> steps;
  // Why the change was rolled back or is stuck. With kApplied: kResetRequired, the mode is set but
  // pending, and the steps that need it were not executed.
  std::optional<Error> failure;
  Inventory after;
  // Instances that appeared during the change and belong to no step, one line each: they stay.
  std::vector<std::string> others;
  // The rollback recreated instances that no step had destroyed: another program or a reset had.
  bool rebuilt = false;
  // Errors of after-change listeners, one line each; the change itself is not affected.
  std::vector<std::string> warnings;
};

// Result of crash recovery.
struct Recovery {
  bool was_open = false;  // false: no change was open
  std::int64_t change = 0;
  std::string command;  // command of the interrupted change
  // kApplied: the change was complete and only its end not recorded. kRolledBack: the layout before
  // it is restored. kStuck: see result.failure.
  ApplyResult result;
  // A reboot or reset had removed instances of the earlier layout, which were recreated.
  bool rebuilt = false;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_CHANGE_RECORD_H_
