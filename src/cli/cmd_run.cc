// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/detach.h"
#include "cli/driver.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/run_options.h"
#include "cli/select.h"
#include "cli/units.h"
#include "client/leased_run.h"
#include "node/node.h"
#include "service/run_job.h"
#include "wire/jobs.h"

namespace mig::cli {
namespace {

class Run final : public Command {
 public:
  CommandText text() const override {
    return {"run",
            "Run a command on a free MIG instance.",
            "Leases a free instance that meets all that is asked (none: any) for as long as the "
            "command runs, sets CUDA_VISIBLE_DEVICES, shuts the command in with its instance's "
            "device nodes, and ends with the command's own exit code (128+N when signal N ended "
            "it, 127 not found, 126 not executable, 124 when --timeout was over). With --count or "
            "--all the command runs once on each of several instances, and the exit code is that "
            "of the first rank that failed. Codes below are migctl's own, before the command "
            "started.",
            {"run --profile 1g.5gb -- python train.py",
             "run --memory 12GiB --wait 45s -- ./job --epochs 3",
             "run --slot train-a --name train-a -d -- python train.py",
             "run --all -- sh -c 'python sweep.py --seed $MIGCTL_RANK'",
             "run --restart on-failure:5 --timeout 8h -- python train.py"},
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

  void declare(Options& options) override { options_.declare(options); }

  bool takes_rest() const override { return true; }

  Result<int> run(Context& context) override {
    service::RunRequest request;
    MIG_TRY(options_.fill(request));
    MIG_ASSIGN_OR_RETURN(lease_.priority, parse_priority(options_.priority));
    if (context.rest.empty()) {
      return fail(ErrorCode::kUsage,
                  "run: no command is given",
                  "it stands after --: migctl run --profile 1g.5gb -- python train.py");
    }
    request.command.argv = context.rest;
    if (!options_.detach) {
      return run_here(context, request, nullptr);
    }
    int exit_code = 0;
    std::optional<DetachedJob> job;
    MIG_ASSIGN_OR_RETURN(std::optional<Detached> detached, Detached::split(exit_code, job));
    if (detached) {
      return run_here(context, request, &*detached);
    }
    if (job) {
      context.output().result(context.globals().json
                                  ? wire::job_started_document(job->number, {job->simulated, {}})
                                  : fmt::format("{}\n", job->number));
    }
    return exit_code;
  }

 private:
  Result<int> run_here(Context& context, service::RunRequest& request, Detached* detached) {
    lease_.gpu = options_.gpu;
    lease_.slot = options_.slot;
    lease_.preempt = options_.preempt;
    tell(context, request);
    MIG_TRY(client::lease_for_run(client_options(context), open_node(context), lease_, request));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    if (!request.lease) {
      MIG_TRY(find_places(context, *node, request.where.selection));
    }
    if (!options_.slot.empty()) {
      request.command.environment.emplace_back("MIGCTL_SLOT", options_.slot);
    }
    if (detached != nullptr) {
      request.observer.on_its_way = [this, detached, &context](std::int64_t job) {
        detached->go({job, source(context).simulated});
      };
    }
    MIG_ASSIGN_OR_RETURN(const service::RunResult result, service::run_job(*node, request));
    report(context, result);
    return result.end.exit_code();
  }

  void tell(Context& context, service::RunRequest& request) const {
    Output& output = context.output();
    const bool several = request.where.every || request.where.count > 1;
    request.observer.on_start = [this, &context, several](const Instance& chosen,
                                                          std::uint32_t rank) {
      context.output().progress(started(chosen, several, rank, source(context)));
    };
    request.observer.on_wait = [this, &output](const std::string& why) {
      output.progress(fmt::format("migctl: waiting up to {}: {}\n", options_.wait, why));
    };
    request.observer.on_note = [&output](const std::string& line) {
      output.progress("migctl: " + line + "\n");
    };
    request.observer.on_output = [&output](const std::string& text) { output.result(text); };
  }

  // With a lease the instances are chosen by the lease store.
  Result<void> find_places(Context& context, node::Node& node, Need& selection) const {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    if (!options_.gpu.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.gpu, select_gpu(inventory, options_.gpu));
    }
    if (!options_.slot.empty()) {
      MIG_ASSIGN_OR_RETURN(const node::SlotView slot, node.resolve_slot(options_.slot));
      selection.uuid = slot.uuid;
    }
    return {};
  }

  wire::Source source(const Context& context) const {
    return context.source() ? *context.source() : *lease_.source;
  }

  static std::string started(const Instance& chosen,
                             bool several,
                             std::uint32_t rank,
                             const wire::Source& source) {
    const std::string mark = simulated_mark(source);
    return fmt::format("migctl: {}{}{} on GPU {} gi={} ci={} ({} GiB, {})\n",
                       mark.empty() ? "" : mark + ": ",
                       several ? fmt::format("[{}] ", rank) : "",
                       chosen.profile.str(),
                       chosen.gpu.value,
                       chosen.gpu_instance.value,
                       chosen.compute_instance.value,
                       base::gib_text(chosen.memory_mib),
                       chosen.uuid);
  }

  // stdout belongs to the command: with --json the result goes to stderr, after its end.
  void report(Context& context, const service::RunResult& result) const {
    Output& output = context.output();
    const bool several = result.instances.size() > 1;
    std::string failed;
    for (std::size_t rank = 0; rank < result.end.ranks.size(); ++rank) {
      const service::RankEnd& end = result.end.ranks[rank];
      const std::string who = several ? fmt::format("rank {}: the command", rank) : "the command";
      if (end.start_failure) {
        output.message(error_text(*end.start_failure, output.err_paint()));
      } else if (end.signal) {
        output.message(fmt::format("migctl: {} was ended by signal {}\n", who, *end.signal));
      } else if (several && end.exit_code != 0) {
        output.message(fmt::format("migctl: {} ended with {}\n", who, end.exit_code));
      }
      if (several && end.start_failure) {
        break;  // further ranks would repeat the message
      }
    }
    if (context.globals().json) {
      output.message(wire::run_document(result.outcome(), source(context)));
    }
  }

  RunOptions options_;
  client::RunLeaseOptions lease_;
};

}  // namespace

std::unique_ptr<Command> make_run() {
  return std::make_unique<Run>();
}

}  // namespace mig::cli
