// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/hooks_file.h"
#include "cli/stop_on_signal.h"
#include "config/checkpoint.h"
#include "node/node.h"

namespace mig::cli {
namespace {

class Restore final : public Command {
 public:
  CommandText text() const override {
    return {
        "restore",
        "Bring back what checkpoint recorded, every instance at its place.",
        "Planned, applied, verified and rolled back as any layout (migctl apply); instances that "
        "are where they were are not touched. Reads the files of migctl checkpoint and of "
        "nvidia-mig-parted checkpoint (which do not tell where compute instances were). GPUs are "
        "found by UUID; those that the file does not name stay as they are. Ids and MIG UUIDs are "
        "the driver's to give: those that are new are listed. Slots are named again, and leases "
        "whose holders live are for the instances at their places again.\n"
        "--last-good takes what the journal recorded instead: each GPU's layout after its last "
        "change that ended well. A change that was cut short is recovered first.",
        {"restore -f before.json", "restore -f before.json -n", "restore --last-good"},
        {ErrorCode::kInvalidInput,
         ErrorCode::kTooLarge,
         ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kNotSupported,
         ErrorCode::kPermission,
         ErrorCode::kInUse,
         ErrorCode::kNoCapacity,
         ErrorCode::kConflict,
         ErrorCode::kResetRequired,
         ErrorCode::kTimeout,
         ErrorCode::kDeviceLost,
         ErrorCode::kNoDriver,
         ErrorCode::kDriver,
         ErrorCode::kIo,
         ErrorCode::kRolledBack,
         ErrorCode::kStuck,
         ErrorCode::kHook}};
  }

  void declare(Options& options) override {
    options.flag({"--last-good",
                  "",
                  "instead of a file: the layout after the last changes that ended well; for "
                  "boot (integrations/systemd)"},
                 last_good_);
    options.text({"-f,--checkpoint-file",
                  "FILE|-",
                  "what checkpoint wrote; - reads standard input",
                  "MIG_PARTED_CHECKPOINT_FILE"},
                 file_);
    hooks_.declare(options);
    options.flag({"-m,--mode-only",
                  "",
                  "MIG mode only; instances are left alone",
                  "MIG_PARTED_MODE_CHANGE_ONLY"},
                 execute_.mode_only);
    options.flag({"-s,--skip-reset",
                  "",
                  "do not reset GPUs; what needs it stays pending (exit code 12)",
                  "MIG_PARTED_SKIP_RESET"},
                 skip_reset_);
    options.flag({"-n,--dry-run", "", "show the plan only"}, execute_.dry_run);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    execute_.way.declare(options);
  }

  Result<int> run(Context& context) override {
    execute_.allow_reset = !skip_reset_;
    if (last_good_) {
      return restore_last_good(context);
    }
    if (file_.empty()) {
      return fail(ErrorCode::kUsage, "no checkpoint file is named", "-f FILE, or --last-good");
    }
    MIG_ASSIGN_OR_RETURN(const std::string text,
                         base::read_file(file_, config::kMostCheckpointBytes));
    MIG_ASSIGN_OR_RETURN(const config::Checkpoint checkpoint,
                         config::parse_checkpoint(text, file_));
    HookVariables variables = hook_variables(hooks_, execute_);
    variables["MIG_PARTED_CHECKPOINT_FILE"] = file_;
    const auto wish = [&](const Inventory& inventory) {
      return config::wish_of(checkpoint, inventory);
    };
    MIG_ASSIGN_OR_RETURN(const int code,
                         execute_with_hooks(
                             context,
                             hooks_,
                             std::move(variables),
                             [&](bool around) { return plan_now(context, wish, around); },
                             execute_));
    if (code == 0 && !execute_.dry_run) {
      MIG_TRY(after(context, checkpoint));
    }
    return code;
  }

 private:
  // Idempotent, and succeeds when nothing was ever recorded: runs at every boot.
  Result<int> restore_last_good(Context& context) {
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.unattended());
    MIG_ASSIGN_OR_RETURN(const auto cut_short, node->interrupted());
    if (cut_short && !execute_.dry_run) {
      MIG_TRY(recover_first(context, *node));
    }
    auto plan = node->plan_last_good();
    if (!plan && plan.error().code == ErrorCode::kNothingMatched) {
      context.output().message("migctl: nothing to restore: " + plan.error().text() + "\n");
      return 0;
    }
    if (execute_.reason.empty()) {
      execute_.reason = "last good layout";
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const int code,
                         execute_with_hooks(
                             context,
                             hooks_,
                             hook_variables(hooks_, execute_),
                             [&](bool) { return node->plan_last_good(); },
                             execute_));
    // The other GPUs are restored; one that cannot be opened is a failure all the same.
    if (code == 0) {
      MIG_TRY(inventory.none_lost());
    }
    return code;
  }

  // Crash recovery: an open change is completed or rolled back before anything else.
  static Result<void> recover_first(Context& context, node::Node& node) {
    const StopOnSignal stop;  // signals are deferred: a recovery must not stop half-way
    Watchdog watchdog(context.output(), Watchdog::Over::kChange);
    MIG_ASSIGN_OR_RETURN(const apply::Recovery recovery, node.recover([&] { watchdog.alive(); }));
    if (recovery.result.outcome != node::Outcome::kStuck) {
      context.output().progress(
          fmt::format("migctl: change {} was cut short; recovered\n", recovery.change));
      return {};
    }
    Error error = recovery.result.failure.value_or(Error{ErrorCode::kStuck, "", {}, {}, {}});
    error.code = ErrorCode::kStuck;
    return std::move(error).in("recovering a change that was cut short");
  }

  // Restores slots and leases, now that their instances exist; reports changed UUIDs.
  Result<void> after(Context& context, const config::Checkpoint& checkpoint) const {
    MIG_ASSIGN_OR_RETURN(const Inventory now, context.inventory());
    std::vector<std::string> lines = config::renamed(checkpoint, now);
    if (!execute_.mode_only) {
      MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
      MIG_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           node->restore_names(checkpoint.names));
      lines.insert(lines.end(), names.begin(), names.end());
    }
    for (const std::string& line : lines) {
      if (context.globals().json) {
        context.output().progress("migctl: " + line + "\n");
      } else {
        context.output().result("  " + line + "\n");
      }
    }
    return {};
  }

  bool last_good_ = false;
  std::string file_;
  HooksFile hooks_;
  ExecuteOptions execute_;
  bool skip_reset_ = false;
};

}  // namespace

std::unique_ptr<Command> make_restore() {
  return std::make_unique<Restore>();
}

}  // namespace mig::cli
