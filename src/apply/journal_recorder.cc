// SPDX-License-Identifier: Apache-2.0
#include "apply/journal_recorder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <pwd.h>

#include "apply/liveness.h"
#include "apply/saved_layout.h"
#include "base/proc_root.h"
#include "base/process_start.h"

namespace mig::apply {
namespace {

constexpr std::array<std::pair<StepKind, const char*>, 7> kKinds = {{
    {StepKind::kDestroyComputeInstance, "destroy_compute_instance"},
    {StepKind::kDestroyGpuInstance, "destroy_gpu_instance"},
    {StepKind::kDisableMig, "disable_mig"},
    {StepKind::kEnableMig, "enable_mig"},
    {StepKind::kResetGpu, "reset_gpu"},
    {StepKind::kCreateGpuInstance, "create_gpu_instance"},
    {StepKind::kCreateComputeInstance, "create_compute_instance"},
}};

template <class T>
std::optional<std::int64_t> id_number(const std::optional<T>& id) {
  if (!id) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(id->value);
}

std::uint32_t u32(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

// False for mode changes and resets, which concern a whole GPU.
bool names_profile(StepKind kind) {
  return kind != StepKind::kDisableMig && kind != StepKind::kEnableMig &&
         kind != StepKind::kResetGpu;
}

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return entry.pw_name;
  }
  return fmt::format("uid {}", uid);
}

// A change without steps is recorded as applied: its layout is there, and as good for the next
// boot.
store::ChangeState state_of(const ApplyResult& result) {
  switch (result.outcome) {
    case Outcome::kUnchanged:
      return result.failure ? store::ChangeState::kRolledBack : store::ChangeState::kApplied;
    case Outcome::kApplied:
      return store::ChangeState::kApplied;
    case Outcome::kStuck:
      return store::ChangeState::kStuck;
    case Outcome::kRolledBack:
      break;
  }
  return store::ChangeState::kRolledBack;
}

}  // namespace

store::StepRow row_of(const Step& step, std::int64_t sequence) {
  store::StepRow row;
  row.sequence = sequence;
  row.kind = kind_name(step.kind);
  row.gpu_index = step.gpu.value;
  row.gpu_uuid = step.gpu_uuid;
  row.profile = names_profile(step.kind) ? step.profile.str() : "";
  row.profile_id = step.profile_id.value;
  row.nvml_profile = step.nvml_profile;
  row.gpu_start = step.gpu_placement.start;
  row.gpu_size = step.gpu_placement.size;
  if (step.ci_placement) {
    row.ci_start = step.ci_placement->start;
    row.ci_size = step.ci_placement->size;
  }
  row.gpu_instance = id_number(step.gpu_instance);
  row.compute_instance = id_number(step.compute_instance);
  return row;
}

Result<Step> step_of(const store::StepRow& row) {
  Step step;
  const auto kind = kind_of(row.kind);
  if (!kind) {
    return fail(ErrorCode::kInternal,
                fmt::format("the journal has a step of kind '{}', which is not known", row.kind),
                "it was written by another version of migctl: use that one to recover");
  }
  step.kind = *kind;
  step.gpu = {u32(row.gpu_index)};
  step.gpu_uuid = row.gpu_uuid;
  if (names_profile(step.kind)) {
    MIG_ASSIGN_OR_RETURN(step.profile, ProfileName::parse(row.profile));
  }
  step.profile_id = {u32(row.profile_id)};
  step.nvml_profile = u32(row.nvml_profile);
  step.gpu_placement = {u32(row.gpu_start), u32(row.gpu_size)};
  if (row.ci_start && row.ci_size) {
    step.ci_placement = Placement{u32(*row.ci_start), u32(*row.ci_size)};
  }
  if (row.gpu_instance) {
    step.gpu_instance = GpuInstanceId{u32(*row.gpu_instance)};
  }
  if (row.compute_instance) {
    step.compute_instance = ComputeInstanceId{u32(*row.compute_instance)};
  }
  return step;
}

const char* kind_name(StepKind kind) {
  const auto found = std::find_if(
      kKinds.begin(), kKinds.end(), [&](const auto& one) { return one.first == kind; });
  return found == kKinds.end() ? "" : found->second;
}

std::optional<StepKind> kind_of(std::string_view name) {
  const auto found = std::find_if(
      kKinds.begin(), kKinds.end(), [&](const auto& one) { return one.second == name; });
  return found == kKinds.end() ? std::nullopt : std::optional(found->first);
}

Result<void> JournalRecorder::begin(const Plan& plan, const Inventory& before) {
  for (const GpuPlan& gpu : plan.gpus) {
    uuids_.push_back(gpu.uuid);
  }
  if (resumed_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(store::Journal opened, store::Journal::open(path_));
  MIG_TRY(opened.check());
  MIG_ASSIGN_OR_RETURN(base::FileLock lock, lock_journal(path_, origin_.command));
  lock_.emplace(std::move(lock));
  own_.emplace(std::move(opened));
  journal_ = &*own_;
  store::ChangeRow change;
  const std::string& proc = base::proc_root();
  change.boot_id = base::boot_id(proc);
  change.uid = getuid();
  change.pid = getpid();
  change.start_ticks = static_cast<std::int64_t>(base::process_start(proc, change.pid).value_or(0));
  change.driver = before.driver_version;
  change.user = user_name(getuid());
  change.command = origin_.command;
  change.reason = origin_.reason;
  change.cause = name_of(origin_.cause);
  change.made_for = origin_.made_for;
  change.before = save_layout(before, uuids_);
  change.generation = static_cast<std::int64_t>(before.generation);
  std::vector<store::StepRow> rows;
  for (const Step& step : plan.steps) {
    rows.push_back(row_of(step, static_cast<std::int64_t>(rows.size())));
  }
  for (store::StepRow& row : rows) {
    if (const Gpu* gpu = before.find_gpu(row.gpu_uuid)) {
      row.board = gpu->name;
    }
  }
  MIG_ASSIGN_OR_RETURN(change_, journal_->begin(change, rows));
  last_ = base::system_clock().monotonic();
  return {};
}

Result<void> JournalRecorder::before_call(const Call& call) {
  const auto direction =
      call.direction == Direction::kDo ? store::Direction::kDo : store::Direction::kUndo;
  attempt_ = 0;
  MIG_ASSIGN_OR_RETURN(attempt_,
                       journal_->intend(change_, static_cast<std::int64_t>(call.index), direction));
  return {};
}

Result<void> JournalRecorder::after_call(const Call& call, const Error* error) {
  if (attempt_ == 0) {  // the intent could not be written
    return {};
  }
  // Measured from the previous call's end: includes reading, recording and read-back of this step.
  const auto now = base::system_clock().monotonic();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count();
  const bool known = last_.count() != 0;
  last_ = now;
  return journal_->record(attempt_,
                          error == nullptr,
                          error != nullptr ? error->text() : "",
                          id_number(call.step.gpu_instance),
                          id_number(call.step.compute_instance),
                          known ? std::optional<std::int64_t>(took) : std::nullopt);
}

Result<void> JournalRecorder::finish(const ApplyResult& result) {
  const std::string message = result.failure ? result.failure->text() : "";
  const std::string after = result.after.gpus.empty() ? "" : save_layout(result.after, uuids_);
  auto finished = journal_->finish(change_, state_of(result), message, after);
  lock_.reset();
  return finished;
}

namespace {

void add_outcome(const std::vector<store::AttemptRow>& attempts,
                 std::int64_t sequence,
                 RecordedStep& step) {
  step.outcome = "not_done";
  for (const store::AttemptRow& attempt : attempts) {
    if (attempt.sequence != sequence) {
      continue;
    }
    const bool undo = attempt.direction == store::Direction::kUndo;
    if (!attempt.finished) {
      step.outcome = undo ? "undo_begun" : "begun";
    } else if (attempt.succeeded) {
      step.outcome = undo ? "undone" : "done";
    } else {
      step.outcome = undo ? "undo_failed" : "failed";
    }
    step.message = attempt.message;
    step.assigned.reset();
    if (attempt.succeeded && attempt.gpu_instance) {
      step.assigned = GpuInstanceId{u32(*attempt.gpu_instance)};
    }
  }
}

}  // namespace

Result<ChangeDetails> details_of(const store::ChangeRow& change,
                                 const std::vector<store::StepRow>& steps,
                                 const std::vector<store::AttemptRow>& attempts) {
  ChangeDetails details;
  details.change = change;
  for (const store::StepRow& row : steps) {
    RecordedStep step;
    MIG_ASSIGN_OR_RETURN(step.step, step_of(row));
    add_outcome(attempts, row.sequence, step);
    details.plan.push_back(std::move(step));
  }
  return details;
}

}  // namespace mig::apply
