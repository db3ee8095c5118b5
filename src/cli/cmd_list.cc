// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/render_inventory.h"
#include "cli/select.h"
#include "service/process_owners.h"

namespace mig::cli {
namespace {

class List final : public Command {
 public:
  CommandText text() const override {
    return {
        "list",
        "Show GPUs, their memory slots, instances and processes.",
        "Each GPU is drawn as a strip of its memory slots: | ends an instance, * means that a "
        "process runs on it, . is a free slot. Memory is in GiB. A GPU that cannot be opened is "
        "shown as lost, with the driver's word; named by -i, it is an error (14).",
        {"list", "list -i 0 --processes", "--sim lab list --json"},
        {ErrorCode::kNothingMatched, ErrorCode::kDeviceLost, ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    options.list({"-i,--gpu", "GPU", "only these: index, UUID or PCI bus id (default: all)"},
                 gpus_);
    options.flag(
        {"-p,--processes", "", "also the processes, with memory in MiB, and their containers"},
        processes_);
  }

  Result<int> run(Context& context) override {
    context.only_looks(wire::MachinePart::kState);
    MIG_ASSIGN_OR_RETURN(Inventory inventory, context.inventory_to_show(context.globals().json));
    MIG_TRY(keep_gpus(inventory, gpus_));
    if (processes_ && !context.globals().json) {
      service::name_containers(inventory);
    }
    context.output().result(context.globals().json
                                ? wire::inventory_document(inventory)
                                : render_list(inventory, processes_, context.output().paint()));
    return 0;
  }

 private:
  std::vector<std::string> gpus_;
  bool processes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_list() {
  return std::make_unique<List>();
}

}  // namespace mig::cli
