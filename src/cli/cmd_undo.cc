// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/execute.h"

namespace mig::cli {
namespace {

class Undo final : public Command {
 public:
  CommandText text() const override {
    return {
        "undo",
        "Return to the layout before the last change, or before change N.",
        "Planned and applied like any layout, with every instance at its old place: what runs "
        "by now is not disturbed, or the undo is refused. The last change is the newest that was "
        "applied and had something to do; with --change every GPU that was changed since goes "
        "back. It is a change of its own and can be undone too.",
        {"undo --dry-run", "undo", "undo --change 12"},
        {ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kPermission,
         ErrorCode::kInUse,
         ErrorCode::kNoCapacity,
         ErrorCode::kConflict,
         ErrorCode::kTimeout,
         ErrorCode::kHook,
         ErrorCode::kResetRequired,
         ErrorCode::kDeviceLost,
         ErrorCode::kNoDriver,
         ErrorCode::kDriver,
         ErrorCode::kIo,
         ErrorCode::kRolledBack,
         ErrorCode::kStuck}};
  }

  void declare(Options& options) override {
    options.number({"--change", "N", "the change to go back before; see migctl history"}, change_);
    options.flag({"-n,--dry-run", "", "show the plan only"}, execute_.dry_run);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    execute_.way.declare(options);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(context.machine());
    std::optional<std::int64_t> change;
    if (change_) {
      change = *change_;
    }
    return execute(context, service::wish_undo(change), execute_);
  }

 private:
  std::optional<std::uint32_t> change_;
  ExecuteOptions execute_;
};

}  // namespace

std::unique_ptr<Command> make_undo() {
  return std::make_unique<Undo>();
}

}  // namespace mig::cli
