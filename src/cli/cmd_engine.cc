// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/leased_command.h"
#include "service/containers.h"

namespace mig::cli {
namespace {

class EngineRun final : public LeasedCommand {
 public:
  explicit EngineRun(service::EngineKind kind)
      : LeasedCommand(RunOptions::Job::kContainer), kind_(kind) {}

  std::string verb() const override { return "run"; }

  std::vector<std::string> first_words() const override { return {"run"}; }

  CommandText text() const override {
    const std::string name = service::name_of(kind_);
    const std::string engine = kind_ == service::EngineKind::kDocker ? "Docker" : "Podman";
    return {
        name,
        fmt::format("Run a container on a free MIG instance, with {}.", engine),
        fmt::format(
            "Leases a free instance as `migctl run` does, and starts `{0} run` with that instance "
            "as its only device and with labels that name the lease. The lease lasts as long as "
            "the "
            "container, also when migctl or the daemon is killed; when it is over (--time, migctl "
            "stop, preemption) the container is stopped. migctl's options stand before `--`, {1}'s "
            "after it, then image and command; without options of {1}'s no `--` is needed. The "
            "exit code is that of `{0} run`, 124 when --time was over. Codes below are migctl's "
            "own, before the container started. With -d the container runs in the background: see "
            "jobs, logs, stop. What {1} has to offer for it: docs/reference/containers.md.",
            name,
            engine),
        {name + " run --profile 1g.5gb IMAGE nvidia-smi -L",
         name + " run --memory 12GiB --time 2h -- --rm -v /data:/data IMAGE train",
         name + " run --slot train-a --name train-a -d -- --rm IMAGE train",
         name + " run --profile 1g.5gb -- --rm -it IMAGE bash"},
        {ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kConflict,
         ErrorCode::kInvalidInput,
         ErrorCode::kNotSupported,
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
    MIG_ASSIGN_OR_RETURN(request.command.containers,
                         service::containers_of(kind_, context.rest, request.command.name));
    request.command.argv = {service::name_of(kind_), "run"};
    request.command.argv.insert(
        request.command.argv.end(), context.rest.begin(), context.rest.end());
    return start(context, request);
  }

 private:
  service::EngineKind kind_;
};

}  // namespace

std::unique_ptr<Command> make_docker() {
  return std::make_unique<EngineRun>(service::EngineKind::kDocker);
}

std::unique_ptr<Command> make_podman() {
  return std::make_unique<EngineRun>(service::EngineKind::kPodman);
}

}  // namespace mig::cli
