// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "catalog/catalog.h"
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/layout_file.h"
#include "cli/spare_flag.h"
#include "node/node.h"
#include "service/offline_plan.h"

namespace mig::cli {
namespace {

class PlanCommand final : public Command {
 public:
  CommandText text() const override {
    return {"plan",
            "Show what apply would do, or why it is impossible.",
            "Changes nothing. For each GPU: the strip before and after, what is kept, destroyed "
            "and created, who "
            "stands in the way; then the steps in order. Instances in use stay where they are. "
            "Exit code 9 = does not fit (with what would), 8 = somebody uses what must change.\n"
            "--model plans without any machine, for up to 1024 GPUs of that board as they are "
            "after power-on, with MIG off; `migctl sim boards` lists the boards.",
            {"plan -f layouts.yaml -c mixed",
             "plan -f layouts.yaml -c mixed -o mixed.plan",
             "plan -f layouts.yaml -c mixed --spare 2g.10gb",
             "plan -f layouts.yaml -c all-1g.5gb --model a100-sxm4-40gb,8"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kTooLarge,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kNotSupported,
             ErrorCode::kInUse,
             ErrorCode::kNoCapacity,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    layout_.declare(options);
    options.text({"-o,--output", "FILE", "also save the plan, for apply --plan"}, output_);
    options.flag({"--around", "", "keep what is in use where it is (the default)"}, around_);
    spare_.declare(options);
    options.text({"--model", "BOARD[,N]", "plan for N (1) of this board instead of a machine"},
                 model_);
    options.flag({"-m,--mode-only",
                  "",
                  "MIG mode only; instances are left alone",
                  "MIG_PARTED_MODE_CHANGE_ONLY"},
                 mode_only_);
  }

  Result<int> run(Context& context) override {
    if (mode_only_ && spare_.given()) {
      return fail(ErrorCode::kUsage, "plan: --spare excludes --mode-only");
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, inventory_for(context));
    MIG_ASSIGN_OR_RETURN(DesiredLayout desired, layout_.resolve(inventory, context.output()));
    MIG_ASSIGN_OR_RETURN(desired.spare, spare_.read());
    MIG_ASSIGN_OR_RETURN(Plan plan, plan_for(context, inventory, desired));
    if (mode_only_) {
      plan = service::mode_only_plan(std::move(plan));
    }
    if (!output_.empty()) {
      MIG_TRY(base::write_file_atomic(output_, wire::plan_document(plan, *context.source())));
    }
    return show_plan(context, plan);
  }

 private:
  Result<Inventory> inventory_for(Context& context) const {
    if (model_.empty()) {
      context.only_looks(wire::MachinePart::kAll);
      MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
      node->search_holders_ahead();
      return context.inventory();
    }
    if (!context.globals().simulated.empty() || !context.globals().nvml_library.empty()) {
      return fail(ErrorCode::kUsage, "plan: --model excludes --sim and --nvml-library");
    }
    const auto boards = catalog::parse_boards(model_);
    auto inventory = boards ? catalog::inventory_of(*boards) : Result<Inventory>(boards.error());
    if (!inventory) {
      return std::move(inventory).error().in("--model");
    }
    context.set_source(wire::Source::of(*inventory));
    return inventory;
  }

  Result<Plan> plan_for(Context& context,
                        const Inventory& inventory,
                        const DesiredLayout& desired) const {
    if (!model_.empty()) {
      return service::plan_offline(inventory, desired);
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    return node->plan(desired);
  }

  LayoutFile layout_;
  SpareFlag spare_;
  std::string output_, model_;
  bool around_ = false;  // the default behaviour; accepted for users who expect the flag
  bool mode_only_ = false;
};

}  // namespace

std::unique_ptr<Command> make_plan() {
  return std::make_unique<PlanCommand>();
}

}  // namespace mig::cli
