// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/leased_command.h"

namespace mig::cli {
namespace {

class Run final : public LeasedCommand {
 public:
  Run() : LeasedCommand(RunOptions::Job::kProgram) {}

  CommandText text() const override {
    return {
        "run",
        "Run a command on a free MIG instance.",
        "Leases a free instance that meets all that is asked (none: any) for as long as the "
        "command runs, sets CUDA_VISIBLE_DEVICES, shuts the command in with its instance's "
        "device nodes, and ends with the command's own exit code (128+N when signal N ended "
        "it, 127 not found, 126 not executable, 124 when --time was over). The first word that is "
        "no option is the program, and what follows is the program's own; `--` may stand "
        "before it. With --count or "
        "--all the command runs once on each of several instances, and the exit code is that "
        "of the first rank that failed. Codes below are migctl's own, before the command "
        "started.",
        {"run python train.py",
         "run --profile 1g.5gb --time 2h python train.py",
         "run --memory 12GiB --wait 45s -- ./job --epochs 3",
         "run --slot train-a --name train-a -d -- python train.py",
         "run --all -- sh -c 'python sweep.py --seed $MIGCTL_RANK'",
         "run --restart on-failure:5 --time 8h -- python train.py"},
        {ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kConflict,
         ErrorCode::kInvalidInput,
         ErrorCode::kPermission,
         ErrorCode::kInUse,
         ErrorCode::kNoCapacity,
         ErrorCode::kTimeout,
         ErrorCode::kNoDriver,
         ErrorCode::kIo}};
  }

  Result<int> run(Context& context) override {
    service::RunRequest request;
    MIG_TRY(options().fill(request));
    if (context.rest.empty()) {
      return fail(ErrorCode::kUsage,
                  "run: no command is given",
                  "it stands after the options: migctl run --profile 1g.5gb python train.py");
    }
    request.command.argv = context.rest;
    return start(context, request);
  }
};

}  // namespace

std::unique_ptr<Command> make_run() {
  return std::make_unique<Run>();
}

}  // namespace mig::cli
