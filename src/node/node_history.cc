// SPDX-License-Identifier: Apache-2.0
// The part of Node that reads the journal and closes its changes.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apply/journal_recorder.h"
#include "apply/last_good.h"
#include "apply/runtime.h"
#include "apply/saved_layout.h"
#include "base/clock.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "node/interrupted.h"
#include "node/node.h"

namespace mig::node {
namespace {

Result<store::ChangeRow> recorded(std::optional<store::Journal>& journal, std::int64_t id) {
  std::optional<store::ChangeRow> found;
  if (journal) {
    MIG_ASSIGN_OR_RETURN(found, journal->find(id));
  }
  if (found) {
    return *std::move(found);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no change {} in the history", id),
              "`migctl history` lists the changes");
}

// The newest applied change with at least one step.
Result<store::ChangeRow> last_applied(std::optional<store::Journal>& journal) {
  constexpr std::int64_t kLookBack = 1000;
  std::vector<store::ChangeRow> rows;
  if (journal) {
    MIG_ASSIGN_OR_RETURN(rows, journal->history(kLookBack));
  }
  for (store::ChangeRow& row : rows) {
    if (row.state == store::ChangeState::kApplied && row.steps > 0) {
      return std::move(row);
    }
  }
  return fail(ErrorCode::kNothingMatched,
              "there is no applied change to undo",
              "`migctl history` lists the changes");
}

// True for a GPU instance that may be there: made, or its end is not known.
bool may_have_made(const RecordedStep& one) {
  return one.step.kind == StepKind::kCreateGpuInstance && one.outcome != "not_done" &&
         one.outcome != "failed" && one.outcome != "undone";
}

}  // namespace

// nullopt: no journal exists; reading must not create one.
Result<std::optional<store::Journal>> Node::existing_journal() {
  const std::string path = places_.journal();
  if (::access(path.c_str(), F_OK) != 0) {
    return std::optional<store::Journal>();
  }
  MIG_ASSIGN_OR_RETURN(store::Journal journal, store::Journal::open(path));
  return std::optional<store::Journal>(std::move(journal));
}

// Recorded durations of steps; empty without a readable record.
std::vector<planner::StepTime> Node::step_times() {
  constexpr std::int64_t kNewestSteps = 1000;
  std::vector<planner::StepTime> times;
  auto journal = existing_journal();
  if (!journal || !*journal) {
    return times;
  }
  const auto rows = (*journal)->step_times(kNewestSteps);
  for (const store::StepTimeRow& row : rows ? *rows : std::vector<store::StepTimeRow>()) {
    if (const auto kind = apply::kind_of(row.kind)) {
      times.push_back(
          {*kind, row.board, row.driver, static_cast<std::uint32_t>(row.took_us / 1000)});
    }
  }
  return times;
}

Result<std::vector<PastChange>> Node::past_changes(std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(const std::vector<store::ChangeRow> rows, history(limit));
  std::vector<PastChange> changes;
  for (const store::ChangeRow& row : rows) {
    PastChange change{row.id, row.started_ms, row.command, {}, std::nullopt};
    auto before = apply::instances_in(row.before);
    if (!before) {
      continue;
    }
    change.before = *std::move(before);
    if (auto after = apply::instances_in(row.after)) {
      change.after = *std::move(after);
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

Result<std::vector<store::ChangeRow>> Node::history(std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  if (!journal) {
    return std::vector<store::ChangeRow>();
  }
  return journal->history(limit);
}

Result<std::vector<store::ChangeRow>> Node::history_after(std::int64_t change, std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  if (!journal) {
    return std::vector<store::ChangeRow>();
  }
  return journal->after(change, limit);
}

Result<void> Node::credit(std::int64_t change, std::int64_t lease) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  return journal ? journal->credit(change, lease) : Result<void>();
}

Result<std::optional<Node::MadeForKey>> Node::made_for_key(const std::string& key) {
  constexpr std::int64_t kMostAttempts = 50;  // changes that may have added to one instance
  using Found = std::optional<MadeForKey>;
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  if (!journal) {
    return Found();
  }
  MIG_ASSIGN_OR_RETURN(const auto changes, journal->changes_for_key(key, kMostAttempts));
  const std::string boot = base::boot_id(base::proc_root());
  for (const store::ChangeRow& row : changes) {
    if (row.boot_id != boot) {
      return Found();  // no instance survives a reboot
    }
    MIG_ASSIGN_OR_RETURN(const ChangeDetails details, change(row.id));
    const auto made = std::find_if(details.plan.begin(), details.plan.end(), may_have_made);
    if (made == details.plan.end()) {
      continue;
    }
    const Step& step = made->step;
    MIG_ASSIGN_OR_RETURN(
        const auto touched,
        journal->touched_since(
            row.id, step.gpu_uuid, step.gpu_placement.start, step.gpu_placement.size, key));
    if (touched) {
      return Found();
    }
    MadeForKey found;
    found.id_known = made->assigned.has_value();
    found.made.change = row.id;
    found.made.gpu_uuid = step.gpu_uuid;
    found.made.gpu_instance = made->assigned.value_or(GpuInstanceId{});
    found.made.start = step.gpu_placement.start;
    found.made.size = step.gpu_placement.size;
    found.made.profile = step.profile.str();
    found.made.made_for = row.made_for.value_or(MadeFor{});
    return Found(std::move(found));
  }
  return Found();
}

Result<ChangeDetails> Node::change(std::int64_t id) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  MIG_ASSIGN_OR_RETURN(const store::ChangeRow change, recorded(journal, id));
  MIG_ASSIGN_OR_RETURN(const std::vector<store::StepRow> steps, journal->steps(id));
  MIG_ASSIGN_OR_RETURN(const std::vector<store::AttemptRow> attempts, journal->attempts(id));
  return apply::details_of(change, steps, attempts);
}

Result<std::optional<store::ChangeRow>> Node::interrupted() {
  return interrupted_change(places_);
}

Result<apply::Recovery> Node::recover(const std::function<void()>& heartbeat) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  if (!journal) {
    warn(renew_cdi());
    return apply::Recovery{};
  }
  MIG_TRY(wake());
  if (let_go_) {
    let_go_();
  }
  apply::AfterChangeRecorder heard(listeners_, Cause::kRecover);
  apply::Context context{*session_, base::system_clock(), &heard};
  context.handover = handover_.get();
  context.facts = &facts_;
  context.heartbeat = heartbeat;
  forget();
  auto done = apply::recover(context, *journal);
  // A process that died past apply (nvidia-smi's dialect) leaves no open change, but no devices.
  if (done && !done->was_open) {
    warn(renew_cdi());
  }
  return done;
}

Result<Plan> Node::plan_undo(std::optional<std::int64_t> change) {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  MIG_ASSIGN_OR_RETURN(const store::ChangeRow row,
                       change ? recorded(journal, *change) : last_applied(journal));
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  MIG_ASSIGN_OR_RETURN(DesiredLayout wish,
                       change ? apply::layout_before(*journal, row, now.inventory)
                              : apply::wish_of(row.before, now.inventory));
  wish.label = fmt::format("before change {}", row.id);
  return planned(now, wish, true);
}

Result<Plan> Node::plan_last_good() {
  MIG_ASSIGN_OR_RETURN(auto journal, existing_journal());
  if (!journal) {
    return fail(ErrorCode::kNothingMatched,
                "no layout is recorded: migctl has not changed this machine yet",
                "`migctl apply` makes one and records it");
  }
  MIG_ASSIGN_OR_RETURN(const Look now, look());
  MIG_ASSIGN_OR_RETURN(const DesiredLayout wish, apply::last_good(*journal, now.inventory));
  return planned(now, wish, true);
}

}  // namespace mig::node
