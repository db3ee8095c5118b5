// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "service/service.h"

namespace mig::cli {
namespace {

constexpr std::uint32_t kShown = 20;
constexpr std::uint32_t kMost = 10'000;

std::string local_time(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                     parts.tm_year + 1900,
                     parts.tm_mon + 1,
                     parts.tm_mday,
                     parts.tm_hour,
                     parts.tm_min,
                     parts.tm_sec);
}

class History final : public Command {
 public:
  CommandText text() const override {
    return {"history",
            "List the changes of this machine: when, who, what, and how it ended.",
            "Newest first. An open change is being carried out, or was cut short by a crash: "
            "`migctl recover` finishes or undoes it.",
            {"history", "history --last 100 --json"},
            {ErrorCode::kNoDriver, ErrorCode::kIo, ErrorCode::kPermission, ErrorCode::kConflict}};
  }

  void declare(Options& options) override {
    options.number({"--last", "N", "how many, 1 to 10000 (20)"}, last_);
  }

  Result<int> run(Context& context) override {
    if (last_ && (*last_ == 0 || *last_ > kMost))
      return fail(ErrorCode::kUsage, "--last takes 1 to 10000");
    MIG_ASSIGN_OR_RETURN(service::Service * service, context.service());
    MIG_ASSIGN_OR_RETURN(const auto rows, service->history(last_.value_or(kShown)));
    if (context.globals().json) {
      std::vector<wire::HistoryEntry> entries;
      entries.reserve(rows.size());
      for (const auto& row : rows)
        entries.push_back({row.id,
                           row.started_ms,
                           row.finished_ms,
                           row.user,
                           row.command,
                           row.reason,
                           store::name_of(row.state),
                           row.message,
                           row.pid});
      context.output().result(wire::history_document(entries, context.source_or_default()));
      return 0;
    }
    print(context, rows);
    return 0;
  }

 private:
  static void print(Context& context, const std::vector<store::ChangeRow>& rows) {
    const Paint paint = context.output().paint();
    std::string text = simulated_mark(context.source_or_default());
    text += text.empty() ? "" : ": ";
    text += fmt::format("{} change{}\n", rows.size(), rows.size() == 1 ? "" : "s");
    Table table({{"CHANGE", true}, {"STARTED"}, {"USER"}, {"OUTCOME"}, {"COMMAND"}});
    for (const auto& row : rows)
      table.row({fmt::format("{}", row.id),
                 local_time(row.started_ms),
                 row.user,
                 store::name_of(row.state),
                 row.command + (row.reason.empty() ? "" : "  (" + row.reason + ")")});
    if (!table.empty())
      text += table.draw(paint);
    context.output().result(text);
  }

  std::optional<std::uint32_t> last_;
};

}  // namespace

std::unique_ptr<Command> make_history() {
  return std::make_unique<History>();
}

}  // namespace mig::cli
