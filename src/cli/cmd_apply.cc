// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/core.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/hooks_file.h"
#include "cli/layout_file.h"
#include "cli/render_inventory.h"
#include "cli/spare_flag.h"
#include "cli/units.h"

namespace mig::cli {
namespace {

constexpr std::size_t kMaxPlanBytes = 4U << 20;

class Apply final : public Command {
 public:
  CommandText text() const override {
    return {
        "apply",
        "Change the machine to a layout, step by step, each verified.",
        "Plans as `migctl plan` does and carries it out. A step that fails is undone with all "
        "before it (exit code 18; 19 when that fails too). Instances in use are kept or the "
        "change is refused; GPUs that the layout does not name are not touched. Hooks run in "
        "mig-parted's order: apply-start, pre-apply-mode, pre-apply-config, apply-exit; both pre-"
        "hooks before the first step, since the change is one transaction. Progress goes "
        "to standard error, the outcome to standard output.",
        {"apply -f layouts.yaml -c mixed",
         "apply -f - < layout.yaml",
         "apply --plan mixed.plan",
         "apply -f layouts.yaml -c mixed --wait 10m --evict=60s",
         "apply -f layouts.yaml -c mixed --spare 2g.10gb",
         "apply -f layouts.yaml -c mixed --migrate ./move-service --drain 2m"},
        codes_of_layout_change()};
  }

  void declare(Options& options) override {
    layout_.declare(options);
    options.flag({"--around", "", "keep what is in use where it is (the default)"}, around_);
    options.text({"--plan", "FILE|-", "a plan saved by plan -o; refused if the machine changed"},
                 plan_file_);
    options.text({"--migrate",
                  "PROGRAM",
                  "move busy instances that are in the way: a successor is made first, and this "
                  "hook switches the work over"},
                 migrate_);
    options.text({"--drain", "TIME", "with --migrate: so long for the old ones to drain (60s)"},
                 drain_);
    spare_.declare(options);
    hooks_.declare(options);
    options.flag({"-m,--mode-only",
                  "",
                  "MIG mode only; instances are left alone",
                  "MIG_PARTED_MODE_CHANGE_ONLY"},
                 execute_.mode_only);
    options.flag({"-s,--skip-reset",
                  "",
                  "do not reset GPUs; what needs it stays pending (exit code 12)",
                  "MIG_PARTED_SKIP_RESET"},
                 skip_reset_);
    options.text({"--reason", "TEXT", "why, for history"}, execute_.reason);
    options.flag({"-n,--dry-run", "", "as migctl plan"}, execute_.dry_run);
    execute_.way.declare(options);
  }

  Result<int> run(Context& context) override {
    execute_.allow_reset = !skip_reset_;
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_TRY(check_flags());
    HookVariables variables{{"MIG_PARTED_SKIP_RESET", skip_reset_ ? "true" : "false"}};
    if (!plan_file_.empty()) {
      MIG_ASSIGN_OR_RETURN(Plan saved, saved_plan(context));
      MIG_TRY(spare_.check_saved(saved));
      variables["MIG_PARTED_SELECTED_CONFIG"] = saved.label;
      MIG_ASSIGN_OR_RETURN(service::ChangeOptions options, change_options(context, execute_));
      MIG_TRY(hooks_.fill(std::move(variables), options));
      return execute(context, service::wish_saved(std::move(saved)), std::move(options));
    }
    MIG_ASSIGN_OR_RETURN(const std::vector<SpareRoom> spare, spare_.read());
    MIG_ASSIGN_OR_RETURN(const Spec spec, layout_.read(context.output()));
    const auto wish = [this, spec, spare](const Inventory& now) -> Result<DesiredLayout> {
      MIG_ASSIGN_OR_RETURN(DesiredLayout layout, layout_.resolve(spec, now));
      layout.spare = spare;
      return layout;
    };
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, wish(inventory));  // before any hook runs
    variables["MIG_PARTED_CONFIG_FILE"] = layout_.file();
    variables["MIG_PARTED_SELECTED_CONFIG"] = desired.label;
    MIG_ASSIGN_OR_RETURN(service::ChangeOptions options, change_options(context, execute_));
    MIG_TRY(hooks_.fill(std::move(variables), options));
    options.migrate_hook = migrate_;
    if (!drain_.empty()) {
      MIG_ASSIGN_OR_RETURN(options.drain, parse_duration("--drain", drain_));
    }
    return execute(context, service::wish_layout(wish), std::move(options));
  }

 private:
  Result<void> check_flags() const {
    if (execute_.mode_only && spare_.given()) {
      return fail(ErrorCode::kUsage, "apply: --spare excludes --mode-only");
    }
    if (!plan_file_.empty() && layout_.named()) {
      return fail(ErrorCode::kUsage,
                  "apply: --plan excludes --config-file",
                  "the plan was made from a layout already; plan again for another");
    }
    if (migrate_.empty() && !drain_.empty()) {
      return fail(ErrorCode::kUsage, "apply: --drain needs --migrate");
    }
    if (!migrate_.empty() && (hooks_.given() || execute_.mode_only || !plan_file_.empty())) {
      return fail(ErrorCode::kUsage,
                  "apply: --migrate excludes --hooks-file, --mode-only and --plan",
                  "it plans two changes of its own: the successors, then the layout");
    }
    return {};
  }

  Result<Plan> saved_plan(const Context& context) const {
    MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(plan_file_, kMaxPlanBytes));
    MIG_ASSIGN_OR_RETURN(wire::SavedPlan saved, wire::parse_plan(text, plan_file_));
    const auto source = context.source_or_default();
    const auto words = [](const wire::Source& from) {
      const std::string mark = simulated_mark(from);
      return mark.empty() ? std::string("real hardware") : mark;
    };
    if (saved.source.simulated != source.simulated || saved.source.machine != source.machine) {
      return fail(
          ErrorCode::kConflict,
          fmt::format(
              "{} was made for {}; this is {}", plan_file_, words(saved.source), words(source)),
          "make the plan on the machine it is applied to");
    }
    return std::move(saved.plan);
  }

  LayoutFile layout_;
  HooksFile hooks_;
  SpareFlag spare_;
  bool around_ = false;  // the default behaviour; accepted for users who expect the flag
  std::string plan_file_;
  ExecuteOptions execute_;
  bool skip_reset_ = false;
  std::string migrate_, drain_;
};

}  // namespace

std::unique_ptr<Command> make_apply() {
  return std::make_unique<Apply>();
}

}  // namespace mig::cli
