// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/hooks_file.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"
#include "service/restore.h"

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
        codes_of_layout_change()};
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
    MIG_ASSIGN_OR_RETURN(const service::Checkpoint checkpoint, service::read_checkpoint(file_));
    MIG_TRY(context.machine());
    MIG_ASSIGN_OR_RETURN(service::ChangeOptions options, change_options(context, execute_));
    MIG_TRY(hooks_.fill({{"MIG_PARTED_CHECKPOINT_FILE", file_}}, options));
    MIG_ASSIGN_OR_RETURN(
        const int code, execute(context, service::wish_checkpoint(checkpoint), std::move(options)));
    if (code == 0 && !execute_.dry_run) {
      MIG_TRY(tell_names(context, checkpoint));
    }
    return code;
  }

 private:
  // Idempotent, and succeeds when nothing was ever recorded: runs at every boot.
  Result<int> restore_last_good(Context& context) {
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.unattended());
    if (execute_.dry_run) {
      MIG_TRY(context.machine());  // warns of an interrupted change, which is not recovered here
    }
    MIG_ASSIGN_OR_RETURN(service::ChangeOptions options, change_options(context, execute_));
    MIG_TRY(hooks_.fill({}, options));
    ChangeWords words(context);
    std::optional<StopOnSignal> stop;
    if (!execute_.dry_run) {
      stop.emplace();
      options.stop = &StopOnSignal::requested;
    }
    MIG_ASSIGN_OR_RETURN(const service::Restored restored,
                         service::restore_last_good(*node, options, words));
    if (!restored.changed) {
      context.output().message("migctl: nothing to restore: " + restored.nothing + "\n");
      return 0;
    }
    const int code = restored.changed->result ? exit_code_of(*restored.changed->result)
                                              : show_plan(context, restored.changed->plan);
    if (code == 0 && restored.lost) {
      return *restored.lost;
    }
    return code;
  }

  Result<void> tell_names(Context& context, const service::Checkpoint& checkpoint) const {
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                         service::restore_names(*node, checkpoint, execute_.mode_only));
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
