// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/select.h"

namespace mig::cli {
namespace {

class Profiles final : public Command {
 public:
  CommandText text() const override {
    return {"profiles",
            "Show which instance sizes a GPU offers and how many still fit.",
            "As the driver says: FREE is how many more fit now, MAX how many on an empty GPU, GiB "
            "and SMs what one instance has, then its copy engines, decoders, encoders, JPEG and "
            "optical-flow engines. ? is what the driver does not tell.",
            {"profiles", "profiles -i 0 --compute", "--sim lab profiles --json"},
            {ErrorCode::kNothingMatched, ErrorCode::kDeviceLost, ErrorCode::kNoDriver}};
  }

  void declare(Options& options) override {
    options.list({"-i,--gpu", "GPU", "only these: index, UUID or PCI bus id (default: all)"},
                 gpus_);
    options.flag({"--compute", "", "the compute instances that fit into each GPU instance"},
                 compute_);
  }

  Result<int> run(Context& context) override {
    context.only_looks(wire::MachinePart::kAll);
    MIG_ASSIGN_OR_RETURN(Inventory inventory, context.inventory());
    MIG_TRY(keep_gpus(inventory, gpus_));
    context.output().result(context.globals().json
                                ? wire::profile_list_document(inventory)
                                : render_profiles(inventory, compute_, context.output().paint()));
    return end_of_looking(inventory, context.output());
  }

 private:
  std::vector<std::string> gpus_;
  bool compute_ = false;
};

}  // namespace

std::unique_ptr<Command> make_profiles() {
  return std::make_unique<Profiles>();
}

}  // namespace mig::cli
