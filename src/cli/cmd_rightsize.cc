// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "base/find_program.h"
#include "base/strings.h"
#include "base/units.h"
#include "base/unix_time.h"
#include "catalog/catalog.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/period.h"
#include "cli/render_rightsize.h"
#include "cli/select.h"
#include "cli/stop_on_signal.h"
#include "client/leased_run.h"
#include "node/node.h"
#include "service/rightsize.h"
#include "service/rightsize_history.h"
#include "service/run_job.h"
#include "wire/rightsize.h"

namespace mig::cli {
namespace {

using rightsize::Target;

constexpr std::uint64_t kMostMemoryMib = 1ULL << 30U;
constexpr std::size_t kMostTargets = 20;

class Rightsize final : public Command {
 public:
  CommandText text() const override {
    return {
        "rightsize",
        "Measure a command and say which profile is the smallest one it needs.",
        "The command runs once on the whole GPU and once on a share of it; from the two the time "
        "on "
        "every profile is predicted, with an interval, and the smallest profile is advised whose "
        "whole interval meets each target. Where a smaller one may do the command runs there as "
        "well, "
        "up to --max-runs, and what stays open is said with its reason. With MIG on these are free "
        "instances (leased meanwhile), or are made and "
        "removed "
        "again with --create on a GPU that has none; with MIG off they are the GPU itself and "
        "NVIDIA's MPS with a limit of multiprocessors, by a server of our own: that is the most an "
        "instance reaches, and its memory traffic bounds how much less it may be. What is in use "
        "is "
        "left alone; nothing of the GPU is set or reset.\n"
        "How fast it works is read from lines \"migctl-progress N\" (N units done so far) or of "
        "mig-workload, by --rate-regex or --count-regex from its output, or, if it ends by itself, "
        "from the whole run. When it has been measured for --seconds it is asked to end "
        "(SIGTERM).\n"
        "--check runs on the advised profile and the next smaller one too, and keeps how far the "
        "predictions were off for this machine's next intervals. --pid looks at a process that "
        "runs "
        "already: memory and activity, no speed. --from-history judges jobs by the daemon's "
        "samples. "
        "--lab-models runs the course's three models on each profile. --measured reckons with "
        "times that you have, without a machine with --model.",
        {"rightsize -- python train.py",
         "rightsize --target speed=0.8 --target cost --check -- python train.py",
         "rightsize --rate-regex 'Throughput: ([0-9.]+)' -- ./serve --bench",
         "rightsize --target deadline=2h --units 5000 --create -- python train.py",
         "rightsize --pid 4121",
         "rightsize --from-history --from 7d",
         "rightsize --lab-models --create",
         "rightsize --measured full=47ms,2g.10gb=121ms --model a100-sxm4-40gb"},
        {ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kInUse,
         ErrorCode::kNoCapacity,
         ErrorCode::kNotSupported,
         ErrorCode::kPermission,
         ErrorCode::kConflict,
         ErrorCode::kTimeout,
         ErrorCode::kNoDriver,
         ErrorCode::kDriver,
         ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.list({"--target",
                  "TARGET",
                  "speed=0.8 of the whole GPU's, deadline=2h, latency=20ms, cost; several may be "
                  "given (speed=0.8)"},
                 targets_);
    options.number({"--units", "N", "deadline: how many units (1)"}, units_);
    options.text({"--seconds", "S", "measured part of each run: 0.2 to 3600 (10)"}, seconds_);
    options.text({"--warm-up", "S", "longest time until its first progress (60)"}, warm_up_);
    options.text({"--rate-regex", "RE", "its group in the output is units per second"},
                 words_.rate_regex);
    options.text({"--count-regex", "RE", "its group is units done so far; without: each match one"},
                 words_.count_regex);
    options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu_);
    options.flag({"--create", "", "make instances on a GPU with MIG on and none, and remove them"},
                 create_);
    options.flag({"--check", "", "run on the advised profile and the next smaller one"}, check_);
    options.number(
        {"--max-runs",
         "N",
         "most runs in all, the two first ones included: 2 to 8 (4); --check makes more"},
        most_runs_);
    options.flag({"--bandwidth", "", "MPS: once more beside a stream of memory traffic"},
                 bandwidth_);
    options.number({"--pid", "PID", "look at a running process instead"}, pid_);
    options.flag({"--from-history", "", "judge jobs by the daemon's samples"}, history_);
    options.text({"--from", "TIME", "history: begin (7d)"}, from_);
    options.text({"--to", "TIME", "history: end (now)"}, to_);
    options.flag({"--lab-models", "", "the course's small, medium and large model"}, models_);
    options.number({"--batch", "N", "lab models: samples per step (128)"}, batch_);
    options.text({"--precision", "fp32|tf32|bf16", "lab models (tf32)"}, precision_);
    options.list({"--measured", "PROFILE=TIME", "times of a unit; \"full\" is the whole GPU"},
                 measured_);
    options.text({"--memory", "SIZE", "with --measured: its peak memory"}, memory_);
    options.text({"--model", "BOARD", "with --measured: for this board, without a machine"},
                 model_);
    options.text({"--workload", "PATH", "mig-workload (the one beside this program)"}, workload_);
  }

  bool takes_rest() const override { return true; }

  Result<int> run(Context& context) override {
    MIG_TRY(check_words(context));
    if (!measured_.empty()) {
      return given(context);
    }
    if (history_) {
      return from_history(context);
    }
    if (pid_) {
      return process(context);
    }
    return models_ ? lab_models(context) : command(context);
  }

 private:
  Result<void> check_words(const Context& context) const {
    const int ways = (measured_.empty() ? 0 : 1) + (history_ ? 1 : 0) + (pid_ ? 1 : 0) +
                     (models_ ? 1 : 0) + (context.rest.empty() ? 0 : 1);
    if (ways == 0) {
      return fail(ErrorCode::kUsage,
                  "rightsize: no command is given",
                  "migctl rightsize -- python train.py; or --pid, --from-history, --lab-models, "
                  "--measured");
    }
    if (ways > 1) {
      return fail(
          ErrorCode::kUsage,
          "rightsize: a command, --pid, --from-history, --lab-models and --measured exclude "
          "each other");
    }
    if (measured_.empty() && (!memory_.empty() || !model_.empty())) {
      return fail(ErrorCode::kUsage, "rightsize: --memory and --model belong to --measured");
    }
    if (!history_ && (!from_.empty() || !to_.empty())) {
      return fail(ErrorCode::kUsage, "rightsize: --from and --to belong to --from-history");
    }
    if (most_runs_ &&
        (*most_runs_ < service::kLeastRightsizeRuns || *most_runs_ > service::kMostRightsizeRuns)) {
      return fail(ErrorCode::kUsage,
                  fmt::format("--max-runs is {}: {} to {}",
                              *most_runs_,
                              service::kLeastRightsizeRuns,
                              service::kMostRightsizeRuns));
    }
    if (batch_ && (*batch_ == 0 || *batch_ % 16 != 0 || *batch_ > (1U << 16U))) {
      return fail(ErrorCode::kUsage, "--batch takes a multiple of 16, at most 65536");
    }
    return {};
  }

  Result<std::vector<Target>> targets() const {
    const std::vector<std::string> texts =
        targets_.empty() ? std::vector<std::string>{"speed=0.8"} : targets_;
    if (texts.size() > kMostTargets) {
      return fail(ErrorCode::kUsage, fmt::format("--target: at most {}", kMostTargets));
    }
    std::vector<Target> targets;
    for (const std::string& text : texts) {
      MIG_ASSIGN_OR_RETURN(Target target, rightsize::parse_target(text));
      if (target.kind == rightsize::TargetKind::kDeadline) {
        target.units = units_.value_or(1);
      }
      targets.push_back(std::move(target));
    }
    if (units_ == 0U) {
      return fail(ErrorCode::kUsage, "--units takes 1 and more");
    }
    return targets;
  }

  static Result<double> seconds_of(const char* option, const std::string& text, double otherwise) {
    if (text.empty()) {
      return otherwise;
    }
    const auto parsed =
        rightsize::parse_seconds(text.back() >= '0' && text.back() <= '9' ? text + "s" : text);
    if (!parsed || *parsed < service::kLeastRightsizeSeconds ||
        *parsed > service::kMostRightsizeSeconds) {
      return fail(ErrorCode::kUsage,
                  fmt::format("{} is {}: {} to {} seconds",
                              option,
                              base::quoted(text),
                              service::kLeastRightsizeSeconds,
                              service::kMostRightsizeSeconds),
                  "for example --seconds 5");
    }
    return *parsed;
  }

  Result<int> command(Context& context) const {
    service::RightsizeRequest request;
    request.argv = context.rest;
    request.words = words_;
    request.check = check_;
    request.bandwidth = bandwidth_;
    request.most_runs = most_runs_.value_or(request.most_runs);
    request.workload = workload_.empty() ? base::program_beside_us("mig-workload") : workload_;
    MIG_ASSIGN_OR_RETURN(request.targets, targets());
    MIG_ASSIGN_OR_RETURN(request.seconds, seconds_of("--seconds", seconds_, request.seconds));
    MIG_ASSIGN_OR_RETURN(request.warm_up, seconds_of("--warm-up", warm_up_, request.warm_up));
    MIG_ASSIGN_OR_RETURN(request.places, places(context));
    request.lease = lease(context);
    const StopOnSignal stop;
    request.stop = &StopOnSignal::requested;
    request.tell = told(context);
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const rightsize::Report report, service::rightsize(*node, request));
    return show(context, report);
  }

  Result<int> lab_models(Context& context) const {
    service::ModelsRequest request;
    request.workload = workload_.empty() ? base::program_beside_us("mig-workload") : workload_;
    request.batch = batch_.value_or(request.batch);
    request.precision = precision_.empty() ? request.precision : precision_;
    MIG_ASSIGN_OR_RETURN(request.seconds, seconds_of("--seconds", seconds_, request.seconds));
    MIG_ASSIGN_OR_RETURN(request.places, places(context));
    request.lease = lease(context);
    const StopOnSignal stop;
    request.stop = &StopOnSignal::requested;
    request.tell = told(context);
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const rightsize::ModelsReport report,
                         service::rightsize_models(*node, request));
    const wire::Source source = context.source_or_default();
    Output& output = context.output();
    output.result(context.globals().json ? wire::rightsize_models_document(report, source)
                                         : rightsize_models_text(report, source, output.paint()));
    return report.stopped ? 128 + StopOnSignal::signal : 0;
  }

  Result<int> process(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const double seconds, seconds_of("--seconds", seconds_, 5));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(
        const rightsize::Report report,
        service::rightsize_process(*node, static_cast<int>(pid_.value_or(0)), seconds));
    return show(context, report);
  }

  Result<int> from_history(Context& context) const {
    const std::int64_t now = base::unix_ms();
    MIG_ASSIGN_OR_RETURN(const cost::Period period,
                         parse_period(from_.empty() ? "7d" : from_, to_, now));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const rightsize::HistoryReport report,
                         service::rightsize_history(*node, period.from_ms, period.until_ms));
    const wire::Source source = context.source_or_default();
    Output& output = context.output();
    output.result(context.globals().json ? wire::rightsize_history_document(report, source)
                                         : rightsize_history_text(report, source, output.paint()));
    return 0;
  }

  Result<int> given(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const std::vector<Target> wanted, targets());
    std::vector<service::GivenPoint> points;
    for (const std::string& text : measured_) {
      const auto at = text.find('=');
      const auto seconds = at == std::string::npos
                               ? std::optional<double>()
                               : rightsize::parse_seconds(std::string_view(text).substr(at + 1));
      if (!seconds) {
        return fail(ErrorCode::kUsage,
                    "--measured is " + base::quoted(text),
                    "a profile, or full, and the time of a unit: full=47.2ms,2g.10gb=121ms");
      }
      points.push_back({text.substr(0, at), *seconds});
    }
    std::optional<std::uint64_t> memory;
    if (!memory_.empty()) {
      memory = base::parse_size_mib(memory_, kMostMemoryMib);
      if (!memory) {
        return fail(ErrorCode::kUsage,
                    "--memory is " + base::quoted(memory_),
                    "a size with its unit: --memory 5GiB");
      }
    }
    MIG_ASSIGN_OR_RETURN(const Gpu gpu, board(context));
    MIG_ASSIGN_OR_RETURN(const rightsize::Report report,
                         service::rightsize_given(gpu, points, memory, wanted));
    return show(context, report);
  }

  Result<Gpu> board(Context& context) const {
    if (!model_.empty()) {
      MIG_ASSIGN_OR_RETURN(Gpu gpu, catalog::gpu_of(model_, GpuIndex{0}));
      return gpu;
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    GpuIndex index = inventory.gpus.empty() ? GpuIndex{0} : inventory.gpus.front().index;
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(index, select_gpu(inventory, gpu_));
    }
    const Gpu* gpu = inventory.find_gpu(index);
    if (gpu == nullptr) {
      return fail(ErrorCode::kNothingMatched, "this machine has no GPU", "--model names a board");
    }
    return *gpu;
  }

  Result<service::RightsizePlaces> places(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    service::RightsizeSelection selection;
    selection.make = create_;
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.gpu, select_gpu(inventory, gpu_));
    }
    if (const auto desk = client::LeaseClient::open(client_options(context), open_node(context))) {
      MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer leases, (*desk)->list());
      for (const lease::Lease& one : leases.leases) {
        selection.taken[one.instance.uuid] = fmt::format("leased by {}", one.tenant);
      }
    }
    return service::rightsize_places(inventory, selection);
  }

  // Leases an instance, as `run` does, for as long as it is measured on.
  static std::function<Result<std::shared_ptr<void>>(const std::string&)> lease(Context& context) {
    return [&context](const std::string& uuid) -> Result<std::shared_ptr<void>> {
      service::RunRequest request;
      request.command.name = "rightsize";
      request.where.selection.uuid = uuid;
      request.observer.on_note = [&context](const std::string& line) {
        context.output().progress("migctl: " + line + "\n");
      };
      MIG_TRY(client::lease_for_run(client_options(context), open_node(context), {}, request));
      if (!request.lease) {
        return std::shared_ptr<void>();
      }
      MIG_ASSIGN_OR_RETURN(service::Leased leased, request.lease(request));
      return leased.until;
    };
  }

  static std::function<void(const std::string&)> told(Context& context) {
    return [&context](const std::string& line) {
      context.output().progress("migctl: " + line + "\n");
    };
  }

  static Result<int> show(Context& context, const rightsize::Report& report) {
    const wire::Source source = context.source_or_default();
    Output& output = context.output();
    output.result(context.globals().json ? wire::rightsize_document(report, source)
                                         : rightsize_text(report, source, output.paint()));
    return report.stopped ? 128 + StopOnSignal::signal : 0;
  }

  std::vector<std::string> targets_, measured_;
  std::optional<std::uint32_t> units_, pid_, batch_, most_runs_;
  std::string seconds_, warm_up_, gpu_, from_, to_, memory_, model_, workload_, precision_;
  rightsize::RateWords words_;
  bool create_ = false, check_ = false, bandwidth_ = false, history_ = false, models_ = false;
};

}  // namespace

std::unique_ptr<Command> make_rightsize() {
  return std::make_unique<Rightsize>();
}

}  // namespace mig::cli
