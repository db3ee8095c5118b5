// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/select.h"

namespace mig::cli {
namespace {

class Placements final : public Command {
 public:
  CommandText text() const override {
    return {"placements",
            "Show at which slots each profile may start, and which are free.",
            "STARTS are the legal first slots on an empty GPU, SIZE the slots an instance takes, "
            "FREE NOW the starts at which one could be created now.",
            {"placements -i 0", "--sim lab placements --json"},
            {ErrorCode::kNothingMatched, ErrorCode::kDeviceLost, ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    options.list({"-i,--gpu", "GPU", "only these: index, UUID or PCI bus id (default: all)"},
                 gpus_);
  }

  Result<int> run(Context& context) override {
    context.only_looks(wire::MachinePart::kAll);
    MIG_ASSIGN_OR_RETURN(Inventory inventory, context.inventory());
    MIG_TRY(keep_gpus(inventory, gpus_));
    context.output().result(context.globals().json
                                ? wire::placement_list_document(inventory)
                                : render_placements(inventory, context.output().paint()));
    return end_of_looking(inventory, context.output());
  }

 private:
  std::vector<std::string> gpus_;
};

}  // namespace

std::unique_ptr<Command> make_placements() {
  return std::make_unique<Placements>();
}

}  // namespace mig::cli
