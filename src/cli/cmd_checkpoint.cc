// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/render_inventory.h"
#include "node/node.h"
#include "service/layouts.h"

namespace mig::cli {
namespace {

constexpr unsigned kOwnerOnly = 0600;

class Checkpoint final : public Command {
 public:
  CommandText text() const override {
    return {
        "checkpoint",
        "Record modes and instances with every placement, for restore.",
        "Keeps where each GPU instance and each compute instance is, their ids, profiles and "
        "MIG UUIDs, the names of slots, and who leases which instance. nvidia-mig-parted restore "
        "reads the file too; it skips what it does not "
        "know. Written whole or not at all, for its owner only.",
        {"checkpoint -f before.json", "checkpoint -f - | sha256sum"},
        {ErrorCode::kNotSupported,
         ErrorCode::kPermission,
         ErrorCode::kDeviceLost,
         ErrorCode::kNoDriver,
         ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.text({"-f,--checkpoint-file",
                  "FILE|-",
                  "where to; - is standard output",
                  "MIG_PARTED_CHECKPOINT_FILE"},
                 file_);
  }

  Result<int> run(Context& context) override {
    if (file_.empty()) {
      return fail(ErrorCode::kUsage, "no checkpoint file is named", "-f FILE");
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_TRY(inventory.none_lost());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const service::SavedNames names, node->saved_names(inventory));
    MIG_ASSIGN_OR_RETURN(const std::string text, service::checkpoint_text(inventory, names));
    Output& output = context.output();
    if (file_ != "-") {
      MIG_TRY(base::write_file_atomic(file_, text, kOwnerOnly));
    }
    if (file_ == "-" || context.globals().json) {
      output.result(text);
      return 0;
    }
    std::size_t gpus = 0;
    std::size_t instances = 0;
    for (const Gpu& gpu : inventory.gpus) {
      gpus += gpu.mig_current != MigMode::kUnsupported ? 1 : 0;
      instances += gpu.instances.size();
    }
    const std::string mark = simulated_mark(context.source_or_default());
    output.result(fmt::format("{}{}Recorded {} with {}, {} and {} in {}\n",
                              mark,
                              mark.empty() ? "" : ": ",
                              base::counted(gpus, "GPU"),
                              base::counted(instances, "GPU instance"),
                              base::counted(names.slots.size(), "slot"),
                              base::counted(names.leases.size(), "lease"),
                              file_));
    return 0;
  }

 private:
  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_checkpoint() {
  return std::make_unique<Checkpoint>();
}

}  // namespace mig::cli
