// SPDX-License-Identifier: Apache-2.0
#include "cli/leased_command.h"

#include <fmt/core.h>

#include "base/units.h"
#include "cli/detach.h"
#include "cli/driver.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/select.h"
#include "cli/units.h"
#include "node/node.h"
#include "wire/jobs.h"

namespace mig::cli {
namespace {

std::string started(const Instance& chosen,
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

}  // namespace

Result<int> LeasedCommand::start(Context& context, service::RunRequest& request) {
  MIG_ASSIGN_OR_RETURN(lease_.priority, parse_priority(options_.priority));
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

Result<int> LeasedCommand::run_here(Context& context,
                                    service::RunRequest& request,
                                    Detached* detached) {
  lease_.gpu = options_.gpu;
  lease_.slot = options_.slot;
  lease_.preempt = options_.preempt;
  lease_.linger = options_.linger;
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

void LeasedCommand::tell(Context& context, service::RunRequest& request) const {
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
  request.observer.show = output.shown_by_others();
}

// With a lease the instances are chosen by the lease store.
Result<void> LeasedCommand::find_places(Context& context, node::Node& node, Need& selection) const {
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

wire::Source LeasedCommand::source(const Context& context) const {
  return context.source() ? *context.source() : *lease_.source;
}

// stdout belongs to the command: with --json the result goes to stderr, after its end.
void LeasedCommand::report(Context& context, const service::RunResult& result) const {
  Output& output = context.output();
  output.lost(result.output_lost);
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

}  // namespace mig::cli
