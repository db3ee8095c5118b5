// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/select.h"

namespace mig::cli {
namespace {

class Mode final : public Command {
 public:
  CommandText text() const override {
    return {"mode",
            "Switch MIG mode of GPUs on or off.",
            "Ampere GPUs need a reset, which is a step of the plan; Hopper and later do not. "
            "Switching off destroys the instances of the GPU, and is refused while they are in "
            "use.",
            {"mode enable -i 0", "mode disable -i all --dry-run"},
            {ErrorCode::kNothingMatched,
             ErrorCode::kNotSupported,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
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
    options.positional({"enable|disable", "", "what MIG mode is to be"}, words_, true);
    options.list(
        {"-i,--gpu", "GPU", "index, UUID or PCI bus id; all (default: every GPU that can)"}, gpus_);
    options.flag({"-n,--dry-run", "", "show the plan, change nothing"}, execute_.dry_run);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    execute_.way.declare(options);
    options.flag({"-s,--skip-reset", "", "set the mode, leave the reset to you (exit code 12)"},
                 skip_reset_);
  }

  std::vector<std::string> first_words() const override { return {"enable", "disable"}; }

  Result<int> run(Context& context) override {
    if (words_.size() != 1 || (words_[0] != "enable" && words_[0] != "disable")) {
      return fail(ErrorCode::kUsage,
                  fmt::format("mode: {} is neither enable nor disable",
                              base::quoted(base::join(words_, " "))),
                  "migctl mode enable -i 0");
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    std::vector<GpuIndex> gpus;
    if (!gpus_.empty() && !(gpus_.size() == 1 && gpus_[0] == "all")) {
      MIG_ASSIGN_OR_RETURN(gpus, select_gpus(inventory, gpus_));
    }
    execute_.allow_reset = !skip_reset_;
    return execute(context, service::wish_mode(gpus, words_[0] == "enable"), execute_);
  }

 private:
  std::vector<std::string> words_, gpus_;
  ExecuteOptions execute_;
  bool skip_reset_ = false;
};

}  // namespace

std::unique_ptr<Command> make_mode() {
  return std::make_unique<Mode>();
}

}  // namespace mig::cli
