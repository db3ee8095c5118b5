// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/lease_history.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "node/node.h"
#include "service/lease_desk.h"

namespace mig::cli {
namespace {

constexpr std::uint32_t kShown = 20;
constexpr std::uint32_t kMost = 10'000;

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
    options.text({"--until", "TIME", "with --leases: older than this: 45s, 2h, 7d"}, asked_.until);
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
    if (!asked_.tenant.empty() || !asked_.user.empty() || !asked_.since.empty() ||
        !asked_.until.empty()) {
      return fail(ErrorCode::kUsage,
                  "history: --tenant, --user, --since and --until choose among leases",
                  "add --leases");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    const Paint paint = context.output().paint();
    const wire::Source source = context.source_or_default();
    if (change_) {
      MIG_ASSIGN_OR_RETURN(const ChangeDetails details, node->change(*change_));
      context.output().result(context.globals().json ? wire::history_document(details, source)
                                                     : marked(source) + one(details, paint));
      return 0;
    }
    MIG_ASSIGN_OR_RETURN(const std::vector<ChangeRecord> changes,
                         node->history(last_.value_or(kShown)));
    context.output().result(context.globals().json ? wire::history_document(changes, source)
                                                   : marked(source) + list(changes, paint));
    return 0;
  }

 private:
  static std::string marked(const wire::Source& source) {
    const std::string mark = simulated_mark(source);
    return mark.empty() ? mark : mark + ": ";
  }

  // "alice (uid 1001), tenant a, lease 12"
  static std::string made_for(const MadeFor& made) {
    std::string text =
        fmt::format("{} (uid {}), tenant {}", service::user_text(made.uid), made.uid, made.tenant);
    if (made.lease != 0) {
      text += fmt::format(", lease {}", made.lease);
    } else if (made.request != 0) {
      text += fmt::format(", request {}", made.request);
    }
    if (!made.key.empty()) {
      text += ", key " + made.key;
    }
    return text;
  }

  static std::string list(const std::vector<ChangeRecord>& changes, const Paint& paint) {
    std::string text = base::counted(changes.size(), "change") + "\n";
    Table table(
        {{"CHANGE", true}, {"STARTED"}, {"USER"}, {"OUTCOME"}, {"STEPS", true}, {"COMMAND"}});
    for (const ChangeRecord& change : changes) {
      table.row({fmt::format("{}", change.id),
                 local_time(change.started_ms),
                 change.user,
                 name_of(change.state),
                 fmt::format("{}", change.steps),
                 change.command + (change.reason.empty() ? "" : "  (" + change.reason + ")") +
                     (change.made_for ? "  for " + made_for(*change.made_for) : "")});
    }
    return table.empty() ? text : text + table.draw(paint);
  }

  static std::string one(const ChangeDetails& details, const Paint& paint) {
    const ChangeRecord& change = details.change;
    std::string text = paint(Style::kBold, fmt::format("change {}", change.id)) + "\n";
    text += fmt::format(
        "  started  {} by {} (pid {})\n", local_time(change.started_ms), change.user, change.pid);
    text += fmt::format("  ended    {}\n",
                        change.finished_ms ? local_time(*change.finished_ms) : "not yet");
    text += "  command  " + change.command + "\n";
    text += "  why      " + (change.reason.empty() ? "not said" : change.reason) + "\n";
    if (change.made_for) {
      text += "  made for " + made_for(*change.made_for) + "\n";
    }
    text += fmt::format("  outcome  {}{}\n",
                        name_of(change.state),
                        change.message.empty() ? "" : ": " + change.message);
    std::size_t number = 0;
    for (const RecordedStep& step : details.plan) {
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
