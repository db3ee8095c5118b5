// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
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
            "Chooses a free instance that meets all that is asked (none: any), claims it against "
            "other runs, sets CUDA_VISIBLE_DEVICES and ends with the command's own exit code "
            "(128+N when signal N ended it, 127 not found, 126 not executable). Codes below are "
            "migctl's own, before the command started.",
            {"run --profile 1g.5gb -- python train.py",
             "run --memory 12GiB --wait 45s -- ./job --epochs 3",
             "run --slot train-a -- python train.py"},
            {ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kConflict,
             ErrorCode::kInvalidInput,
             ErrorCode::kInUse,
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
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(request.selection.gpu, select_gpu(inventory, gpu_));
    }
    MIG_ASSIGN_OR_RETURN(service::Service * service, context.service());
    if (!slot_.empty()) {
      MIG_ASSIGN_OR_RETURN(const service::SlotView slot, service->resolve_slot(slot_));
      request.selection.uuid = slot.uuid;
      request.environment.emplace_back("MIGCTL_SLOT", slot_);
    }
    Output& output = context.output();
    request.on_start = [&](const launch::Chosen& chosen) {
      output.progress(started(chosen, context.source_or_default()));
    };
    request.on_wait = [&](const std::string& why) {
      output.progress(fmt::format("migctl: waiting up to {}: {}\n", wait_, why));
    };
    MIG_ASSIGN_OR_RETURN(const launch::RunResult result, service->run(request));
    report(context, result);
    return result.exit_code;
  }

 private:
  Result<void> fill(launch::RunRequest& request) const {
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
  static void report(Context& context, const launch::RunResult& result) {
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
                                        context.source_or_default()));
  }

  std::string slot_, profile_, uuid_, gpu_, memory_, wait_, name_;
  std::optional<std::uint32_t> gpu_instance_, compute_instance_;
};

}  // namespace

std::unique_ptr<Command> make_run() {
  return std::make_unique<Run>();
}

}  // namespace mig::cli
