// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/find_program.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/measuring.h"
#include "cli/render_sharing.h"
#include "cli/select.h"
#include "cli/stop_on_signal.h"
#include "node/node.h"
#include "service/compare_sharing.h"
#include "service/isolation.h"
#include "wire/sharing.h"

namespace mig::cli {
namespace {

constexpr double kLongestComparison = 24 * 3600;
constexpr std::uint32_t kMostBatch = 1U << 20U;

class CompareSharing final : public Command {
 public:
  CommandText text() const override {
    return {
        "compare-sharing",
        "Run the same jobs in each way to share a GPU, and say which to use.",
        "The jobs run one after another (exclusive), all at once (time-slicing), under NVIDIA's "
        "MPS, under MPS with an equal part of the SMs and the memory for each, and each on a "
        "MIG instance of its own, in rounds, the order drawn anew in each. Throughput, step "
        "latency, fairness and the board's energy are told with 95 % intervals; then who "
        "survives a fault and a program that takes all memory. The advice is the first rule "
        "that fires, in the order isolation, gain, bursty, filled, many; what only you can "
        "know you say by flags. mps-dmem needs driver r615, CUDA 13.4 and a kernel with the "
        "cgroup controller dmem. The jobs are trainings of mig-workload, or copies of CMD; its "
        "rate is what the one group of --rate-regex matched last, without that the "
        "stepsPerSecond of a WorkloadResult on its last line. Instances are leased meanwhile; "
        "what is in use is left alone; nothing of the GPU is set or reset. Ends with 128+N "
        "when signal N stopped it.",
        {"compare-sharing --jobs 3",
         "compare-sharing -i 0 --ways exclusive,mps,mig --svg sharing.svg",
         "compare-sharing --rate-regex 'rate: ([0-9.]+)' -- python train.py"},
        {ErrorCode::kInvalidInput,
         ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kNotSupported,
         ErrorCode::kPermission,
         ErrorCode::kInUse,
         ErrorCode::kNoCapacity,
         ErrorCode::kNoDriver,
         ErrorCode::kDriver,
         ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.number({"--jobs", "N", "how many: 2 to 16 (default: 2)"}, jobs_);
    options.list(
        {"--ways", "WAY", "of exclusive, time-slicing, mps, mps-limits, mps-dmem, mig (all)"},
        ways_);
    options.number({"--rounds", "N", "1 to 100 (default: 5); one round has no interval"}, rounds_);
    options.text({"--seconds", "S", "of each run: 0.1 to 600 (default: 3)"}, seconds_);
    options.text({"--precision", "fp32|tf32|bf16", "of the training (default: tf32)"}, precision_);
    options.number({"--batch", "N", "of the training, a multiple of 16 (default: 128)"}, batch_);
    options.text({"--rate-regex", "RE", "finds CMD's rate in its output: one group"}, regex_);
    options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu_);
    options.text({"-p,--profile", "PROFILE", "mig: on instances of this profile"}, profile_);
    options.flag({"--no-isolation", "", "try no fault and no memory hog"}, no_isolation_);
    options.flag({"--untrusted", "", "tenants do not trust each other"}, wishes_.untrusted);
    options.flag({"--guarantee", "", "a latency, or survival of others' faults, is promised"},
                 wishes_.guarantee);
    options.flag({"--changing", "", "sizes change often"}, wishes_.changing);
    options.flag({"--bursty", "", "mostly idle"}, wishes_.bursty);
    options.flag({"--linked", "", "needs NVLink, P2P, or NCCL at full speed"}, wishes_.linked);
    options.flag({"--same-model", "", "many processes of one model"}, wishes_.same_model);
    options.text({"--svg", "FILE", "write a chart"}, svg_);
    options.text({"--report", "FILE", "write the JSON document too, beside the table"}, report_);
    options.text({"--workload", "PATH", "mig-workload (default: the one beside this program)"},
                 workload_);
  }

  bool takes_rest() const override { return true; }

  Result<int> run(Context& context) override {
    service::CompareRequest request;
    MIG_TRY(fill(context, request));
    MIG_TRY(check_writable(svg_));
    MIG_TRY(check_writable(report_));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    request.simulated = inventory.simulated;
    request.driver_version = inventory.driver_version;
    request.cuda_version = service::cuda_driver_version(*node);
    request.energy_joules = service::energy_meter(*node);
    MIG_TRY(find_places(context, inventory, request));
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         lease_places(context, "compare-sharing", places_of(request.ways)));
    const StopOnSignal stop;  // on a signal, programs are stopped and partial results shown
    request.stop = &StopOnSignal::requested;
    Output& output = context.output();
    request.tell = [&](const std::string& line) { output.progress("migctl: " + line + "\n"); };
    MIG_ASSIGN_OR_RETURN(const sharing::Report report, service::compare_sharing(request));
    const wire::Source source = context.source_or_default();
    MIG_TRY(hand_out(context,
                     {sharing_text(report, source, output.paint()),
                      wire::sharing_document(report, source),
                      sharing_svg(report, source)},
                     {report_, svg_}));
    return report.stopped ? 128 + StopOnSignal::signal : 0;
  }

 private:
  Result<void> fill(const Context& context, service::CompareRequest& request) const {
    request.jobs = jobs_.value_or(request.jobs);
    request.rounds = rounds_.value_or(request.rounds);
    request.batch = batch_.value_or(request.batch);
    MIG_TRY(check_range("--jobs", request.jobs, service::kLeastSharers, service::kMostSharers));
    MIG_TRY(check_range("--rounds", request.rounds, 1, service::kMostIsolationRounds));
    MIG_TRY(check_range("--batch", request.batch, 1, kMostBatch));
    if (!seconds_.empty()) {
      MIG_ASSIGN_OR_RETURN(request.seconds,
                           parse_seconds("--seconds",
                                         seconds_,
                                         service::kLeastIsolationSeconds,
                                         service::kMostIsolationSeconds));
    }
    if (!precision_.empty()) {
      request.precision = precision_;
    }
    request.isolation = !no_isolation_;
    request.wishes = wishes_;
    request.command = context.rest;
    request.rate_regex = regex_;
    if (request.command.empty() && !regex_.empty()) {
      return fail(ErrorCode::kUsage,
                  "compare-sharing: --rate-regex is for a command of your own",
                  "migctl compare-sharing --rate-regex RE -- CMD...");
    }
    if (!request.command.empty()) {
      MIG_ASSIGN_OR_RETURN(request.program, base::program_path(request.command.front()));
    }
    MIG_ASSIGN_OR_RETURN(request.workload, workload_path(workload_));
    return {};
  }

  static Result<void> check_range(const char* option,
                                  std::uint32_t value,
                                  std::uint32_t least,
                                  std::uint32_t most) {
    if (value < least || value > most) {
      return fail(ErrorCode::kUsage, fmt::format("{} is {}: {} to {}", option, value, least, most));
    }
    return {};
  }

  Result<std::vector<sharing::Way>> wanted_ways() const {
    std::vector<sharing::Way> found;
    const auto names = sharing::way_names();
    for (const std::string& name : ways_.empty() ? names : ways_) {
      const auto way = sharing::way_named(name);
      if (!way) {
        const auto near = base::nearest(name, names, 1);
        return fail(ErrorCode::kUsage,
                    fmt::format("compare-sharing: {} is no way of sharing", base::quoted(name)),
                    near.empty() ? "there are: " + base::join(names, ", ")
                                 : "did you mean " + near.front() + "?");
      }
      if (std::find(found.begin(), found.end(), *way) == found.end()) {
        found.push_back(*way);
      }
    }
    return found;
  }

  Result<void> find_places(Context& context,
                           const Inventory& inventory,
                           service::CompareRequest& request) const {
    service::SharingSelection selection;
    selection.jobs = request.jobs;
    MIG_ASSIGN_OR_RETURN(selection.ways, wanted_ways());
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.gpu, select_gpu(inventory, gpu_));
    }
    if (!profile_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.profile, ProfileName::parse(profile_));
    }
    MIG_ASSIGN_OR_RETURN(selection.taken, leased_now(context));
    MIG_ASSIGN_OR_RETURN(request.ways, service::sharing_ways(inventory, selection));
    for (const sharing::WayReport& way : request.ways) {
      if (!way.places.empty()) {
        request.largest_instance_mib =
            service::largest_instance_mib(inventory, way.places.front().gpu);
        break;
      }
    }
    if (service::sharing_takes_seconds(request) > kLongestComparison) {
      return fail(ErrorCode::kTooLarge,
                  "compare-sharing: that would take more than a day",
                  "fewer --rounds, --jobs or --ways, or fewer --seconds");
    }
    return {};
  }

  static std::vector<isolation::Place> places_of(const std::vector<sharing::WayReport>& ways) {
    std::vector<isolation::Place> places;
    for (const sharing::WayReport& way : ways) {
      if (way.skipped.empty()) {
        places.insert(places.end(), way.places.begin(), way.places.end());
      }
    }
    return places;
  }

  std::vector<std::string> ways_;
  std::string seconds_, precision_, regex_, gpu_, profile_, svg_, report_, workload_;
  std::optional<std::uint32_t> jobs_, rounds_, batch_;
  bool no_isolation_ = false;
  sharing::Wishes wishes_;
};

}  // namespace

std::unique_ptr<Command> make_compare_sharing() {
  return std::make_unique<CompareSharing>();
}

}  // namespace mig::cli
