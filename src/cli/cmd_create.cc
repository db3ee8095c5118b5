// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/select.h"
#include "cli/spare_flag.h"

namespace mig::cli {
namespace {

class Create final : public Command {
 public:
  CommandText text() const override {
    return {"create",
            "Create instances on a GPU, beside what is there.",
            "Each is a GPU instance with one compute instance of its full size. PROFILE is a name "
            "(1g.5gb, 1g.5gb+me), an id as nvidia-smi prints it (19), or 1c.3g.20gb: a 3g.20gb "
            "with a compute instance of one slice. Where two compute instances have that name, "
            "1c.2g.20gb@26sm is the one with 26 SMs (migctl profiles --compute). Where a 3g.20gb "
            "lies at START already, 1c.3g.20gb:START is one more compute instance in it; /COMPUTE "
            "is the slice at which it starts. All or nothing.",
            {"create 1g.5gb 1g.5gb -i 0",
             "create 3g.20gb:4 2g.10gb:0 -i 1",
             "create 1c.3g.20gb:4 1c.3g.20gb:4/2 -i 0",
             "create 19 -i 0 -n"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotSupported,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kNoCapacity,
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
    options.positional(
        {"PROFILE[:START[/COMPUTE]]", "", "what to create, and its first memory slot"},
        profiles_,
        true);
    options.text({"-i,--gpu", "GPU", "index, UUID or PCI bus id (default: the only GPU)"}, gpu_);
    options.flag({"-C,--no-compute", "", "GPU instances only, without compute instances"},
                 no_compute_);
    spare_.declare(options);
    options.flag({"-n,--dry-run", "", "show the plan, change nothing"}, execute_.dry_run);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    execute_.way.declare(options);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const Gpu* gpu, choose_gpu(inventory));
    node::Node::CreateRequest request{gpu->index, {}, {}};
    MIG_ASSIGN_OR_RETURN(request.spare, spare_.read());
    for (const auto& word : profiles_) {
      MIG_ASSIGN_OR_RETURN(DesiredInstance instance, parse_instance(*gpu, word, !no_compute_));
      request.instances.push_back(std::move(instance));
    }
    return execute(context, service::wish_create(std::move(request)), execute_);
  }

 private:
  Result<const Gpu*> choose_gpu(const Inventory& inventory) const {
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(const GpuIndex index, select_gpu(inventory, gpu_));
      return inventory.find_gpu(index);
    }
    MIG_TRY(inventory.none_lost());
    if (inventory.gpus.size() != 1) {
      return fail(ErrorCode::kUsage,
                  fmt::format("create: this machine has {} GPUs; say which", inventory.gpus.size()),
                  fmt::format("migctl create {} -i 0", profiles_.front()));
    }
    return &inventory.gpus.front();
  }

  std::vector<std::string> profiles_;
  std::string gpu_;
  SpareFlag spare_;
  bool no_compute_ = false;
  ExecuteOptions execute_;
};

}  // namespace

std::unique_ptr<Command> make_create() {
  return std::make_unique<Create>();
}

}  // namespace mig::cli
