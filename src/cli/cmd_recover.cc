// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/execute.h"
#include "cli/render_inventory.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"

namespace mig::cli {
namespace {

class Recover final : public Command {
 public:
  CommandText text() const override {
    return {"recover",
            "Finish or undo a change that a crash cut short.",
            "A change that was complete is recorded as applied; any other is taken back, so that "
            "the machine is in the layout before it or after it, never between. What others did "
            "meanwhile stays and is named. Exit code 0 when there was nothing to do or it is done, "
            "19 when something is left.",
            {"recover", "recover --json"},
            {ErrorCode::kPermission,
             ErrorCode::kConflict,
             ErrorCode::kNoDriver,
             ErrorCode::kDriver,
             ErrorCode::kIo,
             ErrorCode::kStuck}};
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_TRY(node->inventory());  // not through the context, which would advise this
    const StopOnSignal stop;     // signals are deferred: a recovery must not stop half-way
    Watchdog watchdog(context.output(), Watchdog::Over::kChange);
    MIG_ASSIGN_OR_RETURN(const apply::Recovery recovery, node->recover([&] { watchdog.alive(); }));
    const bool stuck = recovery.result.outcome == node::Outcome::kStuck;
    print(context, recovery, stuck);
    return stuck ? error_info(ErrorCode::kStuck).exit_code : 0;
  }

 private:
  static void print(Context& context, const apply::Recovery& recovery, bool stuck) {
    Output& output = context.output();
    const bool applied = recovery.result.outcome == node::Outcome::kApplied;
    const auto source = context.source_or_default();
    if (context.globals().json) {
      return output.result(wire::recovery_document(recovery, source));
    }
    std::string text = simulated_mark(source);
    text += text.empty() ? "" : ": ";
    if (!recovery.was_open) {
      return output.result(text + "Nothing to recover: every change has ended.\n");
    }
    text += fmt::format("Change {} ({}) ", recovery.change, recovery.command);
    if (stuck) {
      text += "could not be taken back in full.\n";
    } else if (applied) {
      text += "had been done; it is recorded as applied.\n";
    } else {
      text += recovery.rebuilt
                  ? "is taken back, and what a reset or others had removed is there again.\n"
                  : "is taken back: the layout before it is there again.\n";
    }
    for (const std::string& line : recovery.result.others) {
      text += "  not of this change, and it stays: " + line + "\n";
    }
    output.result(text);
    if (stuck && recovery.result.failure) {
      output.message(error_text(*recovery.result.failure, output.err_paint()));
    }
  }
};

}  // namespace

std::unique_ptr<Command> make_recover() {
  return std::make_unique<Recover>();
}

}  // namespace mig::cli
