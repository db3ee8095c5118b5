// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/select.h"

namespace mig::cli {
namespace {

class Destroy final : public Command {
 public:
  CommandText text() const override {
    return {"destroy",
            "Destroy instances that nobody uses.",
            "Say what: one GPU instance (--gi), one of its compute instances (--gi and --ci), or "
            "--all. An instance with processes on it is not destroyed; a selector that matches "
            "nothing is an error.",
            {"destroy -i 0 --gi 3", "destroy -i 0 --gi 3 --ci 0", "destroy --all --dry-run"},
            {ErrorCode::kNothingMatched,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kConflict,
             ErrorCode::kTimeout,
             ErrorCode::kHook,
             ErrorCode::kDeviceLost,
             ErrorCode::kNoDriver,
             ErrorCode::kDriver,
             ErrorCode::kIo,
             ErrorCode::kRolledBack,
             ErrorCode::kStuck}};
  }

  void declare(Options& options) override {
    options.text({"-i,--gpu", "GPU", "index, UUID or PCI bus id (default with --all: every GPU)"},
                 gpu_);
    options.number({"--gi", "N", "id of the GPU instance"}, gpu_instance_);
    options.number({"--ci", "N", "id of a compute instance in it"}, compute_instance_);
    options.flag({"--all", "", "every instance of the GPU, or of every GPU"}, all_);
    options.flag({"--compute-only", "", "compute instances only; GPU instances stay"},
                 compute_only_);
    options.flag({"-n,--dry-run", "", "show the plan, change nothing"}, execute_.dry_run);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    execute_.way.declare(options);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(check());
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    node::Node::DestroyRequest request;
    request.compute_only = compute_only_ || compute_instance_.has_value();
    if (!gpu_.empty() && gpu_ != "all") {
      MIG_ASSIGN_OR_RETURN(request.gpu, select_gpu(inventory, gpu_));
    } else if (gpu_instance_) {
      MIG_TRY(inventory.none_lost());
      if (inventory.gpus.size() != 1) {
        return fail(
            ErrorCode::kUsage,
            fmt::format(
                "destroy: --gi {} of which of {} GPUs?", *gpu_instance_, inventory.gpus.size()),
            fmt::format("migctl destroy -i 0 --gi {}", *gpu_instance_));
      }
      request.gpu = inventory.gpus.front().index;
    }
    if (gpu_instance_) {
      request.gpu_instance = GpuInstanceId{*gpu_instance_};
    }
    if (compute_instance_) {
      request.compute_instance = ComputeInstanceId{*compute_instance_};
    }
    return execute(context, service::wish_destroy(request), execute_);
  }

 private:
  Result<void> check() const {
    if (all_ && (gpu_instance_ || compute_instance_)) {
      return fail(ErrorCode::kUsage, "destroy: --all excludes --gi and --ci");
    }
    if (compute_instance_ && !gpu_instance_) {
      return fail(ErrorCode::kUsage,
                  "destroy: --ci needs --gi: compute instance ids repeat in each GPU instance");
    }
    if (!all_ && !gpu_instance_) {
      return fail(ErrorCode::kUsage,
                  "destroy: nothing is named",
                  "--gi N for one instance, --all for all; `migctl list` shows their ids");
    }
    return {};
  }

  std::string gpu_;
  std::optional<std::uint32_t> gpu_instance_, compute_instance_;
  bool all_ = false;
  bool compute_only_ = false;
  ExecuteOptions execute_;
};

}  // namespace

std::unique_ptr<Command> make_destroy() {
  return std::make_unique<Destroy>();
}

}  // namespace mig::cli
