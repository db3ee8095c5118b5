// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/measuring.h"
#include "cli/render_inventory.h"
#include "cli/render_isolation.h"
#include "cli/select.h"
#include "cli/stop_on_signal.h"
#include "service/isolation.h"
#include "service/isolation_places.h"
#include "wire/isolation.h"

namespace mig::cli {
namespace {

constexpr double kLongestTest = 24 * 3600;

std::string last_word(const std::string& neighbour) {
  return neighbour.substr(neighbour.rfind(' ') + 1);
}

class IsolateTest final : public Command {
 public:
  CommandText text() const override {
    return {"isolate-test",
            "Measure what a neighbour does to a job, and judge each way of sharing.",
            "A training runs alone and beside each neighbour - hogs of one resource, faults, an "
            "allocation that is too large - in rounds, the order drawn anew in each. Ways of "
            "sharing: mig needs two free instances on one GPU, compute-instances two of one GPU "
            "instance, the others a free instance or a free GPU without MIG, mps and mps-limits "
            "NVIDIA's MPS, of which a server of our own is started and stopped. Verdict of each: "
            "isolated (its whole 95 % interval keeps 95 % of the speed), slowed by so much, "
            "killed, or not decided. Out of memory proves a limit of memory, not isolation from "
            "faults. Instances are leased meanwhile; what is in use is left alone; nothing of the "
            "GPU is set or reset. Ends with 0 whatever the verdicts are, with 128+N when signal N "
            "stopped it.",
            {"isolate-test",
             "isolate-test --modes mig --rounds 7 --seconds 5 --svg isolation.svg",
             "isolate-test -i 0 --modes mps,mps-limits --neighbours dram,trap --json"},
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
    options.list(
        {"--modes", "MODE", "of mig, compute-instances, time-slicing, mps, mps-limits (all)"},
        modes_);
    options.list({"--neighbours",
                  "KIND",
                  "of dram, tensor, compute, pcie, launch, membar, memory, illegal-address, trap, "
                  "endless-kernel, context-storm, oom (all)"},
                 neighbours_);
    options.number({"--rounds", "N", "1 to 100 (default: 5); one round has no interval"}, rounds_);
    options.text({"--seconds", "S", "of each run of the victim: 0.1 to 600 (default: 3)"},
                 seconds_);
    options.text({"--precision", "fp32|tf32|bf16", "of the victim (default: tf32)"}, precision_);
    options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu_);
    options.text({"-p,--profile", "PROFILE", "on instances of this profile"}, profile_);
    options.list({"--uuid", "UUID", "on this device; a second one is the neighbour's"}, uuids_);
    options.number({"--mps-sm", "N", "mps-limits: at least so many SMs (default: half)"}, mps_sm_);
    options.number({"--mps-memory", "MIB", "mps-limits: so much memory (default: half)"},
                   mps_memory_);
    options.text({"--svg", "FILE", "write a chart"}, svg_);
    options.text({"--report", "FILE", "write the JSON document too, beside the table"}, report_);
    options.text({"--workload", "PATH", "mig-workload (default: the one beside this program)"},
                 workload_);
  }

  Result<int> run(Context& context) override {
    service::IsolationRequest request;
    MIG_TRY(fill(request));
    MIG_TRY(check_writable(svg_));
    MIG_TRY(check_writable(report_));
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    request.simulated = inventory.simulated;
    request.driver_version = inventory.driver_version;
    MIG_TRY(find_places(context, inventory, request));
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         lease_places(context, "isolate-test", places_of(request.modes)));
    const StopOnSignal stop;  // on a signal, programs are stopped and partial results shown
    request.stop = &StopOnSignal::requested;
    Output& output = context.output();
    request.tell = [&](const std::string& line) { output.progress("migctl: " + line + "\n"); };
    MIG_ASSIGN_OR_RETURN(const isolation::Report report, service::test_isolation(request));
    const wire::Source source = context.source_or_default();
    MIG_TRY(hand_out(context,
                     {isolation_text(report, source, output.paint()),
                      wire::isolation_document(report, source),
                      isolation_svg(report, source)},
                     {report_, svg_}));
    return report.stopped ? 128 + StopOnSignal::signal : 0;
  }

 private:
  Result<void> fill(service::IsolationRequest& request) const {
    request.rounds = rounds_.value_or(request.rounds);
    if (request.rounds < 1 || request.rounds > service::kMostIsolationRounds) {
      return fail(
          ErrorCode::kUsage,
          fmt::format("--rounds is {}: 1 to {}", request.rounds, service::kMostIsolationRounds));
    }
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
    MIG_TRY(fill_neighbours(request));
    request.mps_sm = mps_sm_;
    if (mps_memory_) {
      request.mps_memory_mib = *mps_memory_;
    }
    if (mps_sm_ == 0U || mps_memory_ == 0U) {
      return fail(ErrorCode::kUsage, "isolate-test: a limit of 0 lets nothing run");
    }
    if (uuids_.size() > 2) {
      return fail(ErrorCode::kUsage,
                  "isolate-test: --uuid names a victim and a neighbour, no more");
    }
    MIG_ASSIGN_OR_RETURN(request.workload, workload_path(workload_));
    return {};
  }

  Result<void> fill_neighbours(service::IsolationRequest& request) const {
    const auto& all = service::isolation_neighbours();
    for (const std::string& name : neighbours_) {
      const auto found = std::find_if(all.begin(), all.end(), [&](const std::string& one) {
        return one == name || last_word(one) == name;
      });
      if (found == all.end()) {
        return unknown("neighbour", name, names_of_neighbours());
      }
      if (std::find(request.neighbours.begin(), request.neighbours.end(), *found) ==
          request.neighbours.end()) {
        request.neighbours.push_back(*found);
      }
    }
    if (request.neighbours.empty()) {
      request.neighbours = all;
    }
    return {};
  }

  static std::vector<std::string> names_of_neighbours() {
    std::vector<std::string> names;
    for (const std::string& one : service::isolation_neighbours()) {
      names.push_back(last_word(one));
    }
    return names;
  }

  static tl::unexpected<Error> unknown(const char* what,
                                       const std::string& name,
                                       const std::vector<std::string>& names) {
    const auto near = base::nearest(name, names, 1);
    return fail(ErrorCode::kUsage,
                fmt::format("isolate-test: {} is no {}", base::quoted(name), what),
                near.empty() ? "there are: " + base::join(names, ", ")
                             : "did you mean " + near.front() + "?");
  }

  Result<std::vector<isolation::Sharing>> ways() const {
    std::vector<isolation::Sharing> found;
    const auto names = isolation::sharing_names();
    for (const std::string& name : modes_.empty() ? names : modes_) {
      const auto way = isolation::sharing_named(name);
      if (!way) {
        return unknown("way of sharing", name, names);
      }
      if (std::find(found.begin(), found.end(), *way) == found.end()) {
        found.push_back(*way);
      }
    }
    return found;
  }

  Result<void> find_places(Context& context,
                           const Inventory& inventory,
                           service::IsolationRequest& request) const {
    MIG_ASSIGN_OR_RETURN(const std::vector<isolation::Sharing> wanted, ways());
    service::PlaceSelection selection;
    selection.uuids = uuids_;
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.gpu, select_gpu(inventory, gpu_));
    }
    if (!profile_.empty()) {
      MIG_ASSIGN_OR_RETURN(selection.profile, ProfileName::parse(profile_));
    }
    MIG_ASSIGN_OR_RETURN(selection.taken, leased_now(context));
    MIG_ASSIGN_OR_RETURN(request.modes, service::isolation_modes(inventory, selection, wanted));
    if (service::isolation_takes_seconds(request) > kLongestTest) {
      return fail(ErrorCode::kTooLarge,
                  "isolate-test: that would take more than a day",
                  "fewer --rounds, --neighbours or --modes, or fewer --seconds");
    }
    return {};
  }

  static std::vector<isolation::Place> places_of(const std::vector<isolation::ModeReport>& modes) {
    std::vector<isolation::Place> places;
    for (const isolation::ModeReport& mode : modes) {
      if (mode.skipped.empty()) {
        places.insert(places.end(), {mode.victim, mode.neighbour});
      }
    }
    return places;
  }

  std::vector<std::string> modes_, neighbours_, uuids_;
  std::string seconds_, gpu_, profile_, svg_, report_, workload_, precision_;
  std::optional<std::uint32_t> rounds_, mps_sm_, mps_memory_;
};

}  // namespace

std::unique_ptr<Command> make_isolate_test() {
  return std::make_unique<IsolateTest>();
}

}  // namespace mig::cli
