// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/stop_on_signal.h"
#include "client/reading.h"
#include "service/layouts.h"
#include "service/quiesced.h"

namespace mig::cli {
namespace {

class Quiesce final : public Command {
 public:
  CommandText text() const override {
    return {"quiesce",
            "Run a program while the daemon has no GPU open.",
            "For what needs the GPUs closed and is not migctl's: nvidia-smi --gpu-reset, another "
            "driver, a stranger's mode change. The daemon closes them within a tick, says in its "
            "readings that it has none, and goes on when the program has ended; jobs and leases "
            "are not touched, and what holds a GPU otherwise stays (migctl holders). The hooks "
            "apply-start and apply-exit of a hooks file stop and start other monitors; apply-exit "
            "runs in any case, also when migctl is killed (docs/reference/config.md). Ends with "
            "the program's own exit code (128+N when signal N ended it).",
            {"quiesce -- nvidia-smi --gpu-reset -i 0", "quiesce -k exporters.yaml -- ./update.sh"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kInUse,
             ErrorCode::kTimeout,
             ErrorCode::kIo,
             ErrorCode::kHook}};
  }

  void declare(Options& options) override {
    options.text({"-k,--hooks-file",
                  "FILE",
                  "programs that stop and start other monitors (mig-parted's v1 hooks file)",
                  "MIG_PARTED_HOOKS_FILE"},
                 hooks_file_);
  }

  bool takes_rest() const override { return true; }

  Result<int> run(Context& context) override {
    if (context.rest.empty()) {
      return fail(ErrorCode::kUsage,
                  "no program is named",
                  "migctl quiesce -- nvidia-smi --gpu-reset -i 0");
    }
    service::QuiescedRun run;
    run.command = context.rest;
    if (!hooks_file_.empty()) {
      MIG_ASSIGN_OR_RETURN(run.hooks, service::read_hooks(hooks_file_));
      run.hook_variables["MIG_PARTED_HOOKS_FILE"] = hooks_file_;
    }
    client::Readings readings(client_options(context));
    run.let_go = [&readings] { return readings.let_go(); };
    run.printed = [&context](const std::string& output) { context.output().message(output); };
    const StopOnSignal stop;
    run.stop = &StopOnSignal::requested;
    return service::run_quiesced(run);
  }

 private:
  std::string hooks_file_;
};

}  // namespace

std::unique_ptr<Command> make_quiesce() {
  return std::make_unique<Quiesce>();
}

}  // namespace mig::cli
