// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <fmt/core.h>

#include "apply/journal_recorder.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/lease_history.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "node/node.h"

namespace mig::cli {
namespace {

constexpr std::uint32_t kShown = 20;
constexpr std::uint32_t kMost = 10'000;

wire::HistoryEntry entry_of(const store::ChangeRow& row) {
  wire::HistoryEntry entry;
  entry.id = row.id;
  entry.started_ms = row.started_ms;
  entry.finished_ms = row.finished_ms;
  entry.user = row.user;
  entry.command = row.command;
  entry.reason = row.reason;
  entry.state = store::name_of(row.state);
  entry.message = row.message;
  entry.pid = row.pid;
  entry.steps = row.steps;
  return entry;
}

// What the last call for it in each direction came to.
void look_up(const std::vector<store::AttemptRow>& attempts,
             std::int64_t sequence,
             wire::HistoryEntry::Outcome& step) {
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
  }
}

Result<wire::HistoryEntry> closely(const node::Node::ChangeRecord& record) {
  wire::HistoryEntry entry = entry_of(record.change);
  entry.before = record.change.before;
  entry.after = record.change.after;
  entry.plan.emplace();
  for (const store::StepRow& row : record.steps) {
    wire::HistoryEntry::Outcome step;
    MIG_ASSIGN_OR_RETURN(step.step, apply::step_of(row));
    look_up(record.attempts, row.sequence, step);
    entry.plan->push_back(std::move(step));
  }
  return entry;
}

class History final : public Command {
 public:
  CommandText text() const override {
    return {
        "history",
        "List the changes of this machine: when, who, what, and how it ended.",
        "Newest first. --change shows one closely: why, its plan, and what became of each step. "
        "A change without steps found the machine as wanted. An open change is being carried "
        "out, or was cut short by a crash: `migctl recover` finishes or undoes it. --leases lists "
        "what happened to leases in place of changes: who was granted what, and how it ended; a "
        "tenant sees its own, operators see all.",
        {"history",
         "history --change 12",
         "history --last 100 --json",
         "history --leases --tenant lab-a --since 2h"},
        {ErrorCode::kNotFound,
         ErrorCode::kPermission,
         ErrorCode::kConflict,
         ErrorCode::kNoDriver,
         ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.number({"--last", "N", "how many, 1 to 10000 (20)"}, last_);
    options.number({"--change", "N", "only this one, with its steps"}, change_);
    options.flag({"--leases", "", "what happened to leases, in place of changes"}, leases_);
    options.text({"--tenant", "NAME", "with --leases: of this tenant"}, asked_.tenant);
    options.text({"--user", "USER", "with --leases: done by this user, by name or number"},
                 asked_.user);
    options.text({"--since", "TIME", "with --leases: not older than this: 45s, 2h, 7d"},
                 asked_.since);
  }

  Result<int> run(Context& context) override {
    if (last_ && (*last_ == 0 || *last_ > kMost)) {
      return fail(ErrorCode::kUsage, "--last takes 1 to 10000");
    }
    if (last_ && change_) {
      return fail(ErrorCode::kUsage, "history: --change excludes --last");
    }
    if (leases_) {
      if (change_) {
        return fail(ErrorCode::kUsage, "history: --leases excludes --change");
      }
      asked_.last = last_.value_or(kShown);
      return show_lease_history(context, asked_);
    }
    if (!asked_.tenant.empty() || !asked_.user.empty() || !asked_.since.empty()) {
      return fail(ErrorCode::kUsage,
                  "history: --tenant, --user and --since choose among leases",
                  "add --leases");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    std::vector<wire::HistoryEntry> entries;
    if (change_) {
      MIG_ASSIGN_OR_RETURN(const auto record, node->change(*change_));
      MIG_ASSIGN_OR_RETURN(wire::HistoryEntry entry, closely(record));
      entries.push_back(std::move(entry));
    } else {
      MIG_ASSIGN_OR_RETURN(const auto rows, node->history(last_.value_or(kShown)));
      for (const auto& row : rows) {
        entries.push_back(entry_of(row));
      }
    }
    if (context.globals().json) {
      context.output().result(wire::history_document(entries, context.source_or_default()));
    } else {
      print(context, entries);
    }
    return 0;
  }

 private:
  void print(Context& context, const std::vector<wire::HistoryEntry>& entries) const {
    const Paint paint = context.output().paint();
    std::string text = simulated_mark(context.source_or_default());
    text += text.empty() ? "" : ": ";
    text += change_ ? one(entries.front(), paint) : list(entries, paint);
    context.output().result(text);
  }

  static std::string list(const std::vector<wire::HistoryEntry>& entries, const Paint& paint) {
    std::string text = base::counted(entries.size(), "change") + "\n";
    Table table(
        {{"CHANGE", true}, {"STARTED"}, {"USER"}, {"OUTCOME"}, {"STEPS", true}, {"COMMAND"}});
    for (const auto& entry : entries) {
      table.row({fmt::format("{}", entry.id),
                 local_time(entry.started_ms),
                 entry.user,
                 entry.state,
                 fmt::format("{}", entry.steps),
                 entry.command + (entry.reason.empty() ? "" : "  (" + entry.reason + ")")});
    }
    return table.empty() ? text : text + table.draw(paint);
  }

  static std::string one(const wire::HistoryEntry& entry, const Paint& paint) {
    std::string text = paint(Style::kBold, fmt::format("change {}", entry.id)) + "\n";
    text += fmt::format(
        "  started  {} by {} (pid {})\n", local_time(entry.started_ms), entry.user, entry.pid);
    text += fmt::format("  ended    {}\n",
                        entry.finished_ms ? local_time(*entry.finished_ms) : "not yet");
    text += "  command  " + entry.command + "\n";
    text += "  why      " + (entry.reason.empty() ? "not said" : entry.reason) + "\n";
    text +=
        "  outcome  " + entry.state + (entry.message.empty() ? "" : ": " + entry.message) + "\n";
    std::size_t number = 0;
    for (const auto& step : *entry.plan) {
      text += fmt::format("{:>4}. {:<11} {}{}\n",
                          ++number,
                          step.outcome,
                          step.step.str(),
                          step.message.empty() ? "" : ": " + step.message);
    }
    return text;
  }

  std::optional<std::uint32_t> last_;
  std::optional<std::uint32_t> change_;
  bool leases_ = false;
  LeaseHistoryOptions asked_;
};

}  // namespace

std::unique_ptr<Command> make_history() {
  return std::make_unique<History>();
}

}  // namespace mig::cli
