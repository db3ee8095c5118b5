// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/errors.h"
#include "cli/lease_client.h"
#include "cli/render_inventory.h"
#include "cli/run_lease.h"
#include "cli/select.h"
#include "service/service.h"

namespace mig::cli {
namespace {

constexpr std::uint64_t kMaxMib = 16ULL << 20;  // 16 TiB

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

// "<whole number><unit>", longest suffix first.
template <std::size_t N>
std::optional<std::uint64_t> with_unit(const std::string& text,
                                       const std::array<Unit, N>& units,
                                       std::uint64_t max) {
  for (const auto& unit : units) {
    if (text.size() <= unit.suffix.size() ||
        text.compare(text.size() - unit.suffix.size(), unit.suffix.size(), unit.suffix) != 0)
      continue;
    const auto number = base::parse_decimal(
        std::string_view(text).substr(0, text.size() - unit.suffix.size()), max / unit.factor);
    if (number)
      return *number * unit.factor;
  }
  return std::nullopt;
}

class Run final : public Command {
 public:
  CommandText text() const override {
    return {"run",
            "Run a command on a free MIG instance.",
            "Leases a free instance that meets all that is asked (none: any) for as long as the "
            "command runs, sets CUDA_VISIBLE_DEVICES and ends with the command's own exit code "
            "(128+N when signal N ended it, 127 not found, 126 not executable). Codes below are "
            "migctl's own, before the command started.",
            {"run --profile 1g.5gb -- python train.py",
             "run --memory 12GiB --wait 45s -- ./job --epochs 3",
             "run --slot train-a -- python train.py"},
            {ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kConflict,
             ErrorCode::kInvalidInput,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kNoCapacity,
             ErrorCode::kTimeout,
             ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    options.text({"-p,--profile", "PROFILE", "1g.5gb, 1c.3g.20gb: of the compute instance"},
                 profile_);
    options.text({"--slot", "NAME", "the instance at this named place; see migctl slot"}, slot_);
    options.text({"--uuid", "UUID", "this instance: MIG-..."}, uuid_);
    options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu_);
    options.number({"--gi", "N", "this GPU instance (with --gpu)"}, gpu_instance_);
    options.number({"--ci", "N", "this compute instance (with --gi)"}, compute_instance_);
    options.text({"--memory", "SIZE", "at least so much memory: 12GiB, 900MiB; smallest that fits"},
                 memory_);
    options.text({"--wait", "TIME", "wait so long for one to come free: 45s, 10m (default: 0s)"},
                 wait_);
    options.text({"--name", "NAME", "sets $MIGCTL_JOB_NAME for the command"}, name_);
    options.flag({"--create", "", "make the instance from free slices when there is none"},
                 create_);
    options.number({"--shared", "N", "beside up to N-1 others that say so (default: alone)"},
                   shared_);
    options.text({"--priority", "N", "in the queue: -100 to 100, higher first (default: 0)"},
                 priority_);
    options.flag({"--preempt", "", "ask jobs of lower priority to go (with --wait)"},
                 lease_.preempt);
  }

  bool takes_rest() const override { return true; }

  Result<int> run(Context& context) override {
    launch::RunRequest request;
    MIG_TRY(fill(request));
    if (context.rest.empty())
      return fail(ErrorCode::kUsage,
                  "run: no command is given",
                  "it stands after --: migctl run --profile 1g.5gb -- python train.py");
    request.argv = context.rest;
    lease_.gpu = gpu_;
    lease_.slot = slot_;
    MIG_TRY(lease_for_run(context, lease_, request));
    MIG_ASSIGN_OR_RETURN(service::Service * service, context.service());
    if (!request.lease)
      MIG_TRY(find_places(context, *service, request.selection));
    if (!slot_.empty())
      request.environment.emplace_back("MIGCTL_SLOT", slot_);
    Output& output = context.output();
    request.on_start = [&](const launch::Chosen& chosen) {
      output.progress(started(chosen, source(context)));
    };
    request.on_wait = [&](const std::string& why) {
      output.progress(fmt::format("migctl: waiting up to {}: {}\n", wait_, why));
    };
    MIG_ASSIGN_OR_RETURN(const launch::RunResult result, service->run(request));
    report(context, result);
    return result.exit_code;
  }

 private:
  // With a lease whoever gives it finds them.
  Result<void> find_places(Context& context,
                           service::Service& service,
                           launch::Selection& selection) const {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.gpu, select_gpu(inventory, gpu_));
    }
    if (!slot_.empty()) {
      MIG_ASSIGN_OR_RETURN(const service::SlotView slot, service.resolve_slot(slot_));
      selection.uuid = slot.uuid;
    }
    return {};
  }

  wire::Source source(const Context& context) const {
    return context.source() ? *context.source() : *lease_.source;
  }

  Result<void> fill(launch::RunRequest& request) {
    MIG_TRY(fill_selection(request));
    request.name = name_;
    request.create = create_;
    request.shared = shared_.value_or(1);
    MIG_ASSIGN_OR_RETURN(lease_.priority, parse_priority(priority_));
    if (lease_.preempt && wait_.empty())
      return fail(ErrorCode::kUsage,
                  "run: --preempt needs --wait: who is asked to go gets time for it",
                  "--preempt --wait 2m");
    return {};
  }

  Result<void> fill_selection(launch::RunRequest& request) const {
    static constexpr std::array<Unit, 3> kMemory{
        {{"TiB", 1U << 20}, {"GiB", 1U << 10}, {"MiB", 1}}};
    auto& selection = request.selection;
    if (!profile_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.profile, ProfileName::parse(profile_));
    }
    selection.uuid = uuid_;
    if (!slot_.empty() && !uuid_.empty())
      return fail(ErrorCode::kUsage, "run: --slot and --uuid exclude each other");
    if (gpu_instance_)
      selection.gpu_instance = GpuInstanceId{*gpu_instance_};
    if (compute_instance_)
      selection.compute_instance = ComputeInstanceId{*compute_instance_};
    if (compute_instance_ && !gpu_instance_)
      return fail(ErrorCode::kUsage, "run: --ci needs --gi");
    if (gpu_instance_ && gpu_.empty())
      return fail(ErrorCode::kUsage, "run: --gi needs --gpu: ids repeat on each GPU");
    if (!memory_.empty()) {
      selection.min_memory_mib = with_unit(memory_, kMemory, kMaxMib);
      if (!selection.min_memory_mib)
        return fail(
            ErrorCode::kUsage,
            fmt::format("--memory is {}: a size with its unit is expected", base::quoted(memory_)),
            "for example 12GiB or 900MiB");
    }
    if (!wait_.empty()) {
      MIG_ASSIGN_OR_RETURN(request.wait, parse_duration("--wait", wait_));
    }
    if (!name_.empty())
      request.environment.emplace_back("MIGCTL_JOB_NAME", name_);
    return {};
  }

  static std::string started(const launch::Chosen& chosen, const wire::Source& source) {
    const std::string mark = simulated_mark(source);
    return fmt::format("migctl: {}{} on GPU {} gi={} ci={} ({} GiB, {})\n",
                       mark.empty() ? "" : mark + ": ",
                       chosen.profile.str(),
                       chosen.gpu.value,
                       chosen.gpu_instance.value,
                       chosen.compute_instance.value,
                       gib(chosen.memory_mib),
                       chosen.uuid);
  }

  // The command owns stdout: with --json ours goes to stderr, after its end.
  void report(Context& context, const launch::RunResult& result) const {
    Output& output = context.output();
    if (result.start_failure)
      output.message(error_text(*result.start_failure, output.err_paint()));
    else if (result.signal)
      output.message(fmt::format("migctl: the command was ended by signal {}\n", *result.signal));
    if (context.globals().json)
      output.message(wire::run_document({result.instance.uuid,
                                         result.instance.profile.str(),
                                         result.instance.gpu,
                                         result.instance.gpu_instance,
                                         result.instance.compute_instance,
                                         result.exit_code},
                                        source(context)));
  }

  std::string slot_, profile_, uuid_, gpu_, memory_, wait_, name_, priority_;
  std::optional<std::uint32_t> gpu_instance_, compute_instance_, shared_;
  bool create_ = false;
  RunLeaseOptions lease_;
};

}  // namespace

std::unique_ptr<Command> make_run() {
  return std::make_unique<Run>();
}

}  // namespace mig::cli
